"""Reads the case files of this directory. The format is described in README.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
_KINDS = ("request:", "response:", "chunked:", "cookie:")
_REPEAT = re.compile(r"\{\{(.+?)\*(\d+)\}\}")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|([rnt\\]))")
_ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


@dataclass
class Case:
    where: str  # "file.txt:12 name", for people
    kind: str
    options: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    refused: tuple[int, str, int | None] | None = None  # status, code, position if it is given
    more: bool = False
    values: dict[str, bytes] = field(default_factory=dict)
    fields: list[tuple[bytes, bytes]] | None = None


def unescape(text: str) -> bytes:
    """`text` in bytes: {{TEXT*COUNT}} repeats, \\r \\n \\t \\\\ \\xHH are escapes; any other backslash is a mistake."""
    data = _REPEAT.sub(lambda match: match[1] * int(match[2]), text).encode("ascii")
    if data.replace(b"\\\\", b"").count(b"\\") != len(re.findall(rb"\\[xrnt]", data.replace(b"\\\\", b""))):
        raise ValueError(f"unknown escape in {text!r}")
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]) if match[1] else _ESCAPED[match[2]], data)


def read_cases() -> Iterator[Case]:
    for path in sorted(HERE.glob("*.txt")):
        yield from _read_file(path)


def _read_file(path: Path) -> Iterator[Case]:
    """A file is split at its `== ` lines; what stands before the first is about the whole file."""
    block: list[str] = []
    title, number = "", 0
    for here, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), "== "], start=1):
        if not line.startswith("== "):
            block.append(line)
            continue
        if title:
            yield from _read_block(f"{path.name}:{number} {title}", block)
        title, number, block = line[3:].strip(), here, []


def _read_block(where: str, lines: list[str]) -> Iterator[Case]:
    """One case, or one for each word of its `each:` line."""
    words = [line.removeprefix("each:").split() for line in lines if line.startswith("each:")]
    for word in words[0] if words else [""]:
        case = _read_case(f"{where} [{word}]" if word else where, [line.replace("{each}", word) for line in lines])
        if not (case.refused or case.more or case.values or case.fields is not None):
            raise ValueError(f"{where}: nothing is expected")
        yield case


def _read_case(where: str, lines: list[str]) -> Case:
    case = Case(where, "")
    for line in lines:
        head, *options = line.split() or [""]
        if not case.kind and head in _KINDS:
            case.kind = head.removesuffix(":")
            case.options = dict(option.split("=", 1) for option in options)
        elif line.startswith("| "):
            case.data += unescape(line[2:])
        elif line.startswith("=> "):
            _read_expectation(case, line[3:])
    if not case.kind:
        raise ValueError(f"{where}: no line `request:`, `response:`, `chunked:` or `cookie:`")
    return case


def _read_expectation(case: Case, text: str) -> None:
    words = text.split()
    if words[0] == "refused":
        position = int(words[4]) if words[3:4] == ["at"] else None
        case.refused = (int(words[1]), words[2], position)
    elif words[0] == "more":
        case.more = True
    elif words[0] == "no-fields":
        case.fields = []
    elif words[0] == "field":
        name, _, value = text.removeprefix("field ").partition(":")
        case.fields = [*(case.fields or []), (unescape(name), unescape(value.removeprefix(" ")))]
    else:
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                raise ValueError(f"{case.where}: {word!r} is not NAME=VALUE")
            case.values[name] = unescape(value)
