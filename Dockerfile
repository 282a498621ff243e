# The image: a wheel is compiled in the first stage; the second one has Python, the virtual environment and nothing to compile with.
#
# It runs as root, on purpose: a container that reads the Docker socket is as good as root on its node whatever user it has, and
# port 80 of a service's network namespace needs a capability. Without the socket (--backend, --dns, --config, --feed) and with a
# port above 1023, `docker run --user 65534 --read-only` works.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
# Slim images have no compiler; a base that has one may be out of apt's reach.
RUN set -e; \
    need=""; \
    command -v gcc >/dev/null || need="gcc libc6-dev"; \
    test -f "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || need="$need python3-dev"; \
    python3 -c 'import ensurepip' 2>/dev/null || need="$need python3-venv"; \
    if [ -n "$need" ]; then \
      apt-get update && apt-get install -y --no-install-recommends $need && rm -rf /var/lib/apt/lists/*; \
    fi
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Dependencies first: they change less often than the sources.
COPY pyproject.toml ./
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/faststicky \
    && python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
       > requirements.txt \
    && tools/bin/pip install --progress-bar off --upgrade pip \
    && tools/bin/pip --python /opt/faststicky/bin/python install --progress-bar off -r requirements.txt
COPY setup.py MANIFEST.in README.md LICENSE ./
COPY src src
RUN tools/bin/pip wheel --progress-bar off --no-deps --wheel-dir dist . \
    && tools/bin/pip --python /opt/faststicky/bin/python install --no-deps dist/faststicky-*.whl \
    && /opt/faststicky/bin/faststicky --version

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="faststicky" \
      org.opencontainers.image.description="A sticky-session HTTP proxy for Docker Swarm" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/faststicky /opt/faststicky
ENV PATH=/opt/faststicky/bin:$PATH PYTHONUNBUFFERED=1
EXPOSE 80 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["faststicky"]
