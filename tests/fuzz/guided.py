"""Coverage-guided fuzzing of the same targets with libFuzzer, by way of atheris.

    python -m fuzz.guided TARGET [libFuzzer option...]

Only what was compiled with FASTSTICKY_FUZZ=1 is instrumented; tools/fuzz prepares that and calls this.

    python -m fuzz.guided --list                    names of the targets
    python -m fuzz.guided --seed TARGET FOLDER      write its first corpus, made of the wire cases
    python -m fuzz.guided --replay TARGET FILE...   run the bytes of a finding again, with any build; no atheris needed
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from fuzz import targets
from fuzz.conversation import World
from wire.cases import Case, read_cases

WHOLE = b"\x00"  # no cut
IN_PIECES = b"\x07\x08\x10\x20\x40\x80\xc0\xfc"
METHODS = (b"GET", b"HEAD", b"POST", b"GET")
_worlds: list[World] = []


def _world() -> World:
    if not _worlds:
        _worlds.append(World())
    return _worlds[0]


def _request(data: bytes) -> None:
    targets.request_conversation(_world(), targets.cut(data))


def _answer(data: bytes) -> None:
    """The first byte: method and whether the backend closes."""
    if data:
        targets.answer_conversation(_world(), targets.cut(data[1:]), METHODS[data[0] & 3], bool(data[0] & 4))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "request": _request,
    "answer": _answer,
    "head": targets.same_head,
    "chunked": targets.same_chunks,
    "cookie": targets.same_cookies,
}


def seeds(name: str) -> Iterator[bytes]:
    """The wire cases as inputs of a target."""
    for case in read_cases():
        if len(case.data) < 4096:
            yield from _inputs(name, case)


def _inputs(name: str, case: Case) -> list[bytes]:
    following = b"GET /two HTTP/1.1\r\nHost: a\r\n\r\n"
    if name == "request" and case.kind == "request":
        return [WHOLE + case.data + following, IN_PIECES + case.data + following]
    if name == "request" and case.kind == "chunked":
        return [WHOLE + b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + case.data]
    if name == "answer" and case.kind == "response":
        return [b"\x00" + WHOLE + case.data, b"\x04" + IN_PIECES + case.data]
    if name == "answer" and case.kind == "chunked":
        return [b"\x00" + WHOLE + b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + case.data]
    if name == "head" and case.kind in ("request", "response"):
        return [case.data]
    if name == "chunked" and case.kind == "chunked":
        return [WHOLE + case.data, IN_PIECES + case.data]
    if name == "cookie" and case.kind == "cookie":
        return [case.options["name"].encode() + b"\0" + case.data]
    return []


def write_seeds(name: str, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    found = set(seeds(name))
    for data in found:
        (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    return len(found)


def main(arguments: list[str]) -> None:
    match arguments:
        case ["--list"]:
            print(*TARGETS)
        case ["--seed", name, folder] if name in TARGETS:
            print(f"{write_seeds(name, Path(folder))} seeds for {name}")
        case ["--replay", name, *files] if name in TARGETS and files:
            for file in files:
                TARGETS[name](Path(file).read_bytes())
                print(f"{file}: no fault")
        case [name, *options] if name in TARGETS:
            os.environ.pop("LD_PRELOAD", None)  # the symbolizer that prints a stack must not load the fuzzer
            import atheris

            atheris.Setup([sys.argv[0], *options], TARGETS[name])
            atheris.Fuzz()
        case _:
            sys.exit(f"{__doc__}\ntargets: {' '.join(TARGETS)}")


if __name__ == "__main__":
    main(sys.argv[1:])
