"""The chunked transfer coding (RFC 9112, section 7.1). Choices:

* chunk-size: 1 to 16 hexadecimal digits, leading zeros included, and less than 2^60.
* Extensions are not interpreted, but they have to be some: *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ).
* max_extensions counts every byte between the last digit of a size and its CRLF, over the whole body; the refusal is
  due at the byte that follows the first surplus one.
* max_trailer counts every byte of the trailer's field lines with their CRLFs, but not the CRLF that ends the body.
* `position` is the offset, in the data of that feed, of the byte at which the refusal was certain. After a refusal the
  decoder must not be used again.
"""

from __future__ import annotations

from twin.codes import H1Error
from twin.reader import CR, HEXDIG, LF, TCHAR, TEXT, Parser, Reader

MAX_DIGITS, MAX_SIZE = 16, 2**60
SEMICOLON, QUOTE, BACKSLASH, EQUAL = 59, 34, 92, 61
SPACES = b" \t"


class ChunkedBody:
    """See faststicky.core._h1.ChunkedBody. `trailers` is complete when `done`."""

    def __init__(self, max_trailer: int = 8192, max_extensions: int = 4096) -> None:
        self.done = False
        self.trailers: list[tuple[bytes, bytes]] = []
        self._max_trailer = max_trailer
        self._room_for_extensions = max_extensions
        self._reader = Reader()
        self._left = 0  # bytes of chunk data still to come
        self._parser = self._body()
        next(self._parser)

    def feed(self, data: bytes) -> tuple[bytes, int]:
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
            raise H1Error(error.code, used - 1) from None
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
        while byte != CR:
            byte = yield from self._white_space(byte)
            if byte != SEMICOLON:
                raise self._bad_extension(byte)
            byte = yield from self._white_space((yield from self._next()))
            end = byte = yield from self._token(byte)
            byte = yield from self._white_space(byte)
            if byte == EQUAL:
                byte = yield from self._white_space((yield from self._next()))
                byte = yield from (self._quoted_string() if byte == QUOTE else self._token(byte))
            elif end in SPACES and byte != SEMICOLON:
                raise self._bad_extension(byte)

    def _next(self) -> Parser[int]:
        self._room_for_extensions -= 1
        byte = yield from self._reader.byte()
        if self._room_for_extensions < 0:
            raise H1Error("extensions-too-large", self._reader.offset)
        return byte

    def _white_space(self, byte: int) -> Parser[int]:
        while byte in SPACES:
            byte = yield from self._next()
        return byte

    def _token(self, byte: int) -> Parser[int]:
        """The byte behind it."""
        if byte not in TCHAR:
            raise self._bad_extension(byte)
        while byte in TCHAR:
            byte = yield from self._next()
        return byte

    def _quoted_string(self) -> Parser[int]:
        """The byte behind it."""
        while (byte := (yield from self._next())) != QUOTE:
            if byte == BACKSLASH:
                byte = yield from self._next()
            if byte not in TEXT:
                raise H1Error("bad-chunk-extension", self._reader.offset)
        return (yield from self._next())

    def _bad_extension(self, byte: int) -> H1Error:
        return H1Error("bare-lf" if byte == LF else "bad-chunk-extension", self._reader.offset)

    def _trailer(self) -> Parser[None]:
        read = self._reader
        limit = read.offset + 1 + self._max_trailer

        def guard() -> None:
            if read.offset >= limit:
                raise H1Error("trailer-too-large", read.offset)

        while (byte := (yield from read.byte())) != CR:
            read.guard = guard
            guard()
            field = yield from read.field_line(byte, first=not self.trailers)
            self.trailers.append((field.name, field.value))
            read.guard = None
        yield from read.line_feed()
