"""One byte at a time: the twin's parsers are generators that are sent bytes, so that no result can depend on how the
bytes were cut into reads. Field lines are here too, since heads and trailers share them (RFC 9112, section 5)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, NoReturn, TypeVar

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
    """Counts the bytes, so that a refusal knows its place, and keeps the limit of the line that is being read."""

    def __init__(self) -> None:
        self.offset = -1  # of the byte that was read last
        self.guard: Callable[[], None] | None = None  # a limit that looks at every byte first
        self._limit = (-1, "")  # offset at which the line must have ended, and the refusal if it has not
        self._previous = -1

    def byte(self) -> Parser[int]:
        byte = yield
        self.offset += 1
        if self.guard is not None:
            self.guard()
        if self.offset == self._limit[0] and CR not in (byte, self._previous):
            raise H1Error(self._limit[1], self.offset)
        self._previous = byte
        return byte

    def limit_line(self, start: int, max_line: int, code: str) -> None:
        """The line that began at `start` may have `max_line` bytes before its CRLF."""
        self._limit = (start + max_line, code)

    def line_feed(self) -> Parser[None]:
        """The LF that has to follow the CR that was read last."""
        position = self.offset
        if (yield from self.byte()) != LF:
            raise H1Error("bare-cr", position)

    def refuse(self, byte: int, code: str) -> NoReturn:
        """Refuse `byte`, the last that was read: for its line's limit, as a bare LF, or with `code`."""
        if self.offset == self._limit[0]:
            code = self._limit[1]
        raise H1Error("bare-lf" if byte == LF else code, self.offset)

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
                self.refuse(byte, "no-colon")
            if byte not in TCHAR:
                self.refuse(byte, "bad-name")
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
                self.refuse(byte, "bad-value")
            value.append(byte)
            byte = yield from self.byte()
        yield from self.line_feed()
        return Field(bytes(name), bytes(value).rstrip(OWS), position)
