"""The chunked transfer coding (RFC 9112, section 7.1). Choices:

* chunk-size: 1 to 16 hexadecimal digits, leading zeros included, and less than 2^60.
* Extensions are not interpreted. After the size come `;`, or SP and HTAB and then `;`; from there on tchar, `;`, `=`,
  SP, HTAB and quoted strings are taken in any order. A quoted string holds HTAB, SP, VCHAR, obs-text and quoted pairs,
  but no line end.
* max_extensions counts every byte between the last digit of a size and its CRLF, over the whole body.
* max_trailer counts every byte of the trailer's field lines with their CRLFs, but not the CRLF that ends the body.
* `position` counts from the first byte of the body, over all calls of feed. After a refusal every feed refuses alike.
"""

from __future__ import annotations

from twin.codes import H1Error
from twin.reader import CR, HEXDIG, LF, OWS, TCHAR, TEXT, Parser, Reader

MAX_DIGITS, MAX_SIZE = 16, 2**60
SEMICOLON, QUOTE, BACKSLASH = 59, 34, 92


class ChunkedBody:
    """See faststicky.core._h1.ChunkedBody. `trailers` is complete when `done`."""

    def __init__(self, max_trailer: int = 8192, max_extensions: int = 4096) -> None:
        self.done = False
        self.trailers: list[tuple[bytes, bytes]] = []
        self._max_trailer = max_trailer
        self._room_for_extensions = max_extensions
        self._reader = Reader()
        self._left = 0  # bytes of chunk data still to come
        self._error: H1Error | None = None
        self._parser = self._body()
        next(self._parser)

    def feed(self, data: bytes) -> tuple[bytes, int]:
        if self._error is not None:
            raise self._error
        payload = bytearray()
        used = 0
        try:
            while used < len(data) and not self.done:
                if self._left:
                    piece = data[used : used + self._left]
                    payload += piece
                    self._left -= len(piece)
                    self._reader.offset += len(piece)
                    used += len(piece)
                else:
                    used += 1
                    self._parser.send(data[used - 1])
        except StopIteration:
            self.done = True
        except H1Error as error:
            self._error = error
            raise
        return bytes(payload), used

    def _body(self) -> Parser[None]:
        read = self._reader
        while True:
            size, byte = yield from self._size()
            yield from self._extensions(byte)
            yield from read.line_feed()
            if size == 0:
                break
            self._left = size  # feed takes them; the next byte that comes here is the one behind them
            for expected in (CR, LF):
                if (yield from read.byte()) != expected:
                    raise H1Error("bad-chunk-end", read.offset)
        yield from self._trailer()

    def _size(self) -> Parser[tuple[int, int]]:
        """The size, and the byte that follows its digits."""
        read = self._reader
        digits = b""
        byte = yield from read.byte()
        while byte in HEXDIG:
            digits += bytes([byte])
            if len(digits) > MAX_DIGITS or int(digits, 16) >= MAX_SIZE:
                raise H1Error("bad-chunk-size", read.offset)
            byte = yield from read.byte()
        if not digits:
            raise H1Error("bad-chunk-size", read.offset)
        if byte == LF:
            raise H1Error("bare-lf", read.offset)
        if byte not in b" \t;\r":
            raise H1Error("bad-chunk-size", read.offset)
        return int(digits, 16), byte

    def _extensions(self, byte: int) -> Parser[None]:
        """From the byte after the size to the CR."""
        read = self._reader
        begun = quoted = escaped = False
        bare = byte == CR
        while byte != CR or quoted:
            if self._room_for_extensions == 0:
                raise H1Error("extensions-too-large", read.offset)
            self._room_for_extensions -= 1
            if quoted and byte not in TEXT:
                raise H1Error("bad-chunk-extension", read.offset)
            if escaped:
                escaped = False
            elif quoted:
                quoted = byte != QUOTE
                escaped = byte == BACKSLASH
            elif byte == LF:
                raise H1Error("bare-lf", read.offset)
            elif byte == SEMICOLON:
                begun = True
            elif byte == QUOTE and begun:
                quoted = True
            elif byte not in OWS and not (begun and (byte in TCHAR or byte == ord("="))):
                raise H1Error("bad-chunk-extension", read.offset)
            byte = yield from read.byte()
        if not begun and not bare:
            raise H1Error("bad-chunk-extension", read.offset)

    def _trailer(self) -> Parser[None]:
        read = self._reader
        limit = read.offset + 1 + self._max_trailer

        def guard(_: int) -> None:
            if read.offset >= limit:
                raise H1Error("trailer-too-large", read.offset)

        while (byte := (yield from read.byte())) != CR:
            read.guard = guard
            guard(byte)
            field = yield from read.field_line(byte, first=not self.trailers)
            self.trailers.append((field.name, field.value))
            read.guard = None
        yield from read.line_feed()
