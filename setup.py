"""Extension modules and compiler directives only; everything else is in pyproject.toml.

Switches (environment, "1" turns one on):

FASTSTICKY_DEBUG     bounds checks and assertions (FS_DEBUG)
FASTSTICKY_TRACE     line tracing for coverage; never benchmark this build
FASTSTICKY_ANNOTATE  Cython's annotated HTML under build/cython
FASTSTICKY_SANITIZE  AddressSanitizer and UndefinedBehaviorSanitizer; any finding ends the process
FASTSTICKY_FUZZ      the same with libFuzzer's coverage counters; needs CC=clang
"""

import os

from setuptools import Extension, setup  # isort: skip  # before Cython, as its documentation asks
from Cython.Build import cythonize


def switch(name: str) -> bool:
    return os.environ.get(f"FASTSTICKY_{name}", "0") == "1"


DEBUG, TRACE, FUZZ = switch("DEBUG"), switch("TRACE"), switch("FUZZ")
SANITIZE = switch("SANITIZE") or FUZZ
MODULES = ("_memory", "_h1", "_cookie", "_stats", "_table", "_relay", "_load")

cflags = ["-O0" if TRACE else "-O1" if SANITIZE else "-O3", "-fvisibility=hidden", "-Wall", "-Wno-unused-function"]
ldflags: list[str] = []
macros: list[tuple[str, str | None]] = [("FS_DEBUG", "1" if DEBUG else "0")]
if TRACE:
    macros += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")]
if SANITIZE:
    cflags += ["-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    ldflags += ["-fsanitize=address,undefined"]
    macros.append(("CYTHON_USE_FREELISTS", "0"))  # what is freed and used again at once hides uses after the end
if FUZZ:
    # function: methods are called by a cast pointer, as in all of CPython
    cflags += ["-fsanitize=fuzzer-no-link", "-fno-sanitize=function"]
    ldflags += ["-shared-libasan"]
if not (DEBUG or SANITIZE):
    macros.append(("CYTHON_WITHOUT_ASSERTIONS", "1"))

setup(
    ext_modules=cythonize(
        [
            Extension(
                f"faststicky.core.{name}",
                [f"src/faststicky/core/{name}.pyx"],
                extra_compile_args=cflags,
                extra_link_args=ldflags,
                define_macros=macros,
            )
            for name in MODULES
        ],
        compiler_directives={
            "language_level": 3,
            "boundscheck": DEBUG,
            "wraparound": False,
            "initializedcheck": DEBUG,
            "cdivision": True,
            "embedsignature": True,
            "linetrace": TRACE,
            "warn.maybe_uninitialized": True,
        },
        include_path=["src"],
        annotate=switch("ANNOTATE"),
        force=DEBUG or TRACE or SANITIZE,
        build_dir="build/cython",
    ),
)
