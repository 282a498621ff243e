# Each target is one line; what takes more is a script in tools/. PYTHON=python3.12 chooses the interpreter, ARGS goes to the command.
ARGS ?=
IMAGE ?= faststicky
BASE_IMAGE ?= python:3.13-slim
.PHONY: demo test build debug annotate asan fuzz soak lint bench micro image clean

demo: ; @tools/prepare && .venv/bin/faststicky demo $(ARGS)
test: ; @tools/prepare test && tools/test $(ARGS)
build: ; @tools/prepare
debug: ; @FASTSTICKY_DEBUG=1 tools/prepare
annotate: ; @FASTSTICKY_ANNOTATE=1 tools/prepare && find build/cython -name '*.html'
asan: ; @tools/prepare test && tools/asan $(ARGS)
fuzz: ; @tools/prepare test && tools/fuzz $(ARGS)
soak: ; @tools/prepare test && tools/soak $(ARGS)
lint: ; @tools/prepare lint && tools/lint
bench: ; @tools/bench $(ARGS)
micro: ; @tools/prepare bench && .venv/bin/python -m pytest bench/micro --benchmark-columns=min,median,rounds $(ARGS)
image: ; docker build --build-arg BASE_IMAGE=$(BASE_IMAGE) -t $(IMAGE) $(ARGS) .
clean: ; rm -rf build dist .venv .*_cache .hypothesis src/*.egg-info src/faststicky/core/*.so
