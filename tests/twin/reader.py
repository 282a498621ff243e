"""One byte at a time: the twin's parsers are generators that are sent bytes, so that no result can depend on how the
bytes were cut into reads. Field lines are here too, since heads and trailers share them (RFC 9112, section 5)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

from twin.codes import H1Error

T = TypeVar("T")
Parser = Generator[None, int, T]

CR, LF, SP, HTAB, COLON = 13, 10, 32, 9, 58
OWS = b" \t"
DIGIT = frozenset(b"0123456789")
HEXDIG = frozenset(b"0123456789abcdefABCDEF")
ALPHA = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
TCHAR = ALPHA | DIGIT | frozenset(b"!#$%&'*+-.^_`|~")
VCHAR = frozenset(range(0x21, 0x7F))
OBS_TEXT = frozenset(range(0x80, 0x100))
TEXT = VCHAR | OBS_TEXT | frozenset(OWS)
"""What a field value or a reason phrase is made of (RFC 9110, section 5.5)."""

MAX_NAME = 255


class Field(NamedTuple):
    name: bytes
    value: bytes  # without surrounding white space
    position: int  # of the value's first byte; of an empty value, of the CR


class Reader:
    """Counts the bytes, so that a refusal knows its place, and lets a limit look at each of them first."""

    def __init__(self) -> None:
        self.offset = -1  # of the byte that was read last
        self.guard: Callable[[int], None] | None = None
        self._previous = -1

    def byte(self) -> Parser[int]:
        byte = yield
        self.offset += 1
        if self.guard is not None:
            self.guard(byte)
        self._previous = byte
        return byte

    def limit_line(self, start: int, max_line: int, code: str) -> None:
        """From now on: a line that began at `start` may have `max_line` bytes before its CRLF."""

        def guard(byte: int) -> None:
            if self.offset == start + max_line and CR not in (byte, self._previous):
                raise H1Error(code, self.offset)

        self.guard = guard

    def line_feed(self) -> Parser[None]:
        """The LF that has to follow the CR that was read last."""
        position = self.offset
        if (yield from self.byte()) != LF:
            raise H1Error("bare-cr", position)

    def refuse(self, byte: int, code: str) -> Parser[None]:
        """Refuse `byte`, the last that was read: as a broken line end if it is one, else with `code`."""
        position = self.offset
        if byte == LF:
            raise H1Error("bare-lf", position)
        if byte == CR:
            yield from self.line_feed()
        raise H1Error(code, position)

    def field_line(self, byte: int, *, first: bool) -> Parser[Field]:
        """A field line, with its CRLF, that begins with `byte`."""
        if byte in OWS:
            raise H1Error("leading-space" if first else "obs-fold", self.offset)
        if byte == COLON:
            raise H1Error("empty-name", self.offset)
        name = bytearray()
        while byte != COLON:
            if byte in OWS:
                raise H1Error("space-in-name", self.offset)
            if byte == CR:
                yield from self.refuse(byte, "no-colon")
            if byte not in TCHAR:
                yield from self.refuse(byte, "bad-name")
            if len(name) == MAX_NAME:
                raise H1Error("bad-name", self.offset)
            name.append(byte)
            byte = yield from self.byte()
        byte = yield from self.byte()
        while byte in OWS:
            byte = yield from self.byte()
        position = self.offset
        value = bytearray()
        while byte != CR:
            if byte not in TEXT:
                yield from self.refuse(byte, "bad-value")
            value.append(byte)
            byte = yield from self.byte()
        yield from self.line_feed()
        return Field(bytes(name), bytes(value).rstrip(OWS), position)
