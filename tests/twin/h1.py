"""HTTP/1.1 heads and chunked bodies: the oracle of faststicky.core._h1, with the same functions, arguments and results.

All codes of refusals, with their statuses, are in twin/codes.py. `position`: of head-too-large, max_head; of a target
in a wrong form, somewhere in it; of an unsupported version, its major digit; of a line that is too long, the first byte
beyond the limit; of too many fields, the first byte of the first surplus line. Of what is judged only when the head is
complete it is somewhere in the field concerned, or the end of the head.
"""

from __future__ import annotations

from typing import Literal, TypedDict

from twin.chunked import ChunkedBody
from twin.codes import CODES, H1Error
from twin.reader import CR, DIGIT, LF, OWS, SP, TCHAR, TEXT, VCHAR, Field, Parser, Reader, T
from twin.target import Target, parse_authority, parse_target, same_authority

__all__ = ["CODES", "ChunkedBody", "H1Error", "RequestHead", "ResponseHead", "request_head", "response_head"]

Framing = Literal["none", "length", "chunked", "close"]

MAX_METHOD = 32
MAX_EMPTY_LINES = 2
MAX_LENGTH_DIGITS = 18
MAX_CONNECTION = 1024
TARGET = VCHAR - frozenset(b"#\\")


class Head(TypedDict):
    length: int
    version: int
    fields: list[tuple[bytes, bytes]]
    framing: Framing
    content_length: int
    keep_alive: bool


class RequestHead(Head):
    method: bytes
    target: bytes
    path: bytes  # for CONNECT the target
    host: bytes
    expect_continue: bool
    upgrade: bytes


class ResponseHead(Head):
    status: int
    reason: bytes


def request_head(data: bytes, max_head: int = 32768, max_line: int = 8192, max_fields: int = 100) -> RequestHead | None:
    """The head of the request at the start of `data`, None when more bytes are needed.

    max_head counts everything up to and with the empty line that ends the head, leading empty lines included; max_line
    counts a line without its CRLF. Raises H1Error as soon as the offending byte is there.
    """
    return _run(_request(Reader(), max_line, max_fields), data, max_head)


def response_head(
    data: bytes, method: bytes = b"GET", max_head: int = 65536, max_line: int = 16384, max_fields: int = 200
) -> ResponseHead | None:
    """The head of the answer to a request with this method. No leading empty line is skipped.

    1xx and 204 have no body and no framing: their Content-Length and Transfer-Encoding are not even looked at. 304 and
    answers to HEAD have no body, but their framing fields must be as sound as any (what is wrong is not passed on).
    """
    try:
        return _run(_response(Reader(), method, max_line, max_fields), data, max_head)
    except H1Error as error:
        raise H1Error(error.code, error.position, 502) from None


def _run(parser: Parser[T], data: bytes, max_head: int) -> T | None:
    next(parser)
    for byte in data[:max_head]:
        try:
            parser.send(byte)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
    if len(data) >= max_head:
        raise H1Error("head-too-large", max_head)
    return None


def _request(read: Reader, max_line: int, max_fields: int) -> Parser[RequestHead]:
    byte = yield from _skip_empty_lines(read)
    read.limit_line(read.offset, max_line, "line-too-long")
    method = bytearray()
    while byte in TCHAR:
        if len(method) == MAX_METHOD:
            raise H1Error("long-method", read.offset)
        method.append(byte)
        byte = yield from read.byte()
    if byte != SP or not method:
        read.refuse(byte, "bad-method")

    raw = bytearray()
    start = read.offset + 1
    while (byte := (yield from read.byte())) in TARGET:
        raw.append(byte)
    if byte != SP or not raw:
        read.refuse(byte, "no-version" if byte == CR and raw else "bad-target")
    target = parse_target(bytes(method), bytes(raw))
    if target is None:
        raise H1Error("bad-target", start)

    version = yield from _version(read, CR)
    fields = yield from _fields(read, max_fields, max_line)
    host = _host(fields, target, version, read.offset + 1)
    framing, length = _framing(fields, version, default="none")
    return {
        "length": read.offset + 1,
        "version": version,
        "fields": [(field.name, field.value) for field in fields],
        "framing": framing,
        "content_length": length,
        # RFC 9112, section 9.3: a proxy does not keep a connection with an HTTP/1.0 client.
        "keep_alive": version == 11 and b"close" not in _connection_options(fields),
        "method": bytes(method),
        "target": bytes(raw),
        "path": target.path,
        "host": host,
        "expect_continue": version == 11 and _expects_continue(fields),
        "upgrade": _upgrade(fields) if version == 11 else b"",
    }


def _skip_empty_lines(read: Reader) -> Parser[int]:
    """The first byte of the request line."""
    empty = 0
    while (byte := (yield from read.byte())) == CR:
        position = read.offset
        yield from read.line_feed()
        empty += 1
        if empty > MAX_EMPTY_LINES:
            raise H1Error("empty-lines", position)
    return byte


def _version(read: Reader, follower: int) -> Parser[int]:
    """`HTTP/1.x` and the byte that follows it; of CR also the LF. 10 or 11."""
    for expected in b"HTTP/":
        byte = yield from read.byte()
        if byte != expected:
            read.refuse(byte, "bad-version")
    position = read.offset + 1
    numbers = bytearray()
    for allowed in (DIGIT, frozenset(b"."), DIGIT, frozenset([follower])):
        byte = yield from read.byte()
        if byte not in allowed:
            read.refuse(byte, "bad-version")
        numbers.append(byte)
    if numbers[0:1] != b"1":
        raise H1Error("unsupported-version", position)
    if follower == CR:
        yield from read.line_feed()
    return 10 if numbers[2:3] == b"0" else 11


def _response(read: Reader, method: bytes, max_line: int, max_fields: int) -> Parser[ResponseHead]:
    read.limit_line(0, max_line, "line-too-long")
    version = yield from _version(read, SP)
    start = read.offset + 1
    status = 0
    for _ in range(3):
        byte = yield from read.byte()
        if byte not in DIGIT:
            read.refuse(byte, "bad-status")
        status = status * 10 + byte - ord("0")
    if status < 100:
        raise H1Error("bad-status", start)
    byte = yield from read.byte()
    if byte not in (SP, CR):
        read.refuse(byte, "bad-status")
    reason = bytearray()
    if byte == SP:
        while (byte := (yield from read.byte())) in TEXT:
            reason.append(byte)
        if byte != CR:
            read.refuse(byte, "bad-reason")
    yield from read.line_feed()

    fields = yield from _fields(read, max_fields, max_line)
    framing: Framing = "none"
    length = -1
    if status >= 200 and status != 204:
        framing, length = _framing(fields, version, default="close")
        if method == b"HEAD" or status == 304:
            framing = "none"
    options = _connection_options(fields)
    return {
        "length": read.offset + 1,
        "version": version,
        "fields": [(field.name, field.value) for field in fields],
        "framing": framing,
        "content_length": length,
        # RFC 9112, section 9.3; what ends with its connection cannot be followed by anything.
        "keep_alive": framing != "close" and b"close" not in options and (version == 11 or b"keep-alive" in options),
        "status": status,
        "reason": bytes(reason),
    }


def _fields(read: Reader, max_fields: int, max_line: int) -> Parser[list[Field]]:
    """The field lines and the empty line behind them."""
    fields: list[Field] = []
    while True:
        read.limit_line(read.offset + 1, max_line, "field-too-long")
        byte = yield from read.byte()
        if byte == CR:
            break
        if byte == LF:
            raise H1Error("bare-lf", read.offset)
        if len(fields) == max_fields and byte not in OWS:
            raise H1Error("too-many-fields", read.offset)
        fields.append((yield from read.field_line(byte, first=not fields)))
        if fields[-1].name.lower() == b"connection" and _size_of_options(fields) > MAX_CONNECTION:
            raise H1Error("field-too-long", fields[-1].position)
    yield from read.line_feed()
    return fields


def _named(fields: list[Field], name: bytes) -> list[Field]:
    return [field for field in fields if field.name.lower() == name]


def _elements(value: bytes) -> list[bytes]:
    """Of a comma-separated list, empty ones too."""
    return [element.strip(OWS) for element in value.split(b",")]


def _is_token(text: bytes) -> bool:
    return text != b"" and set(text) <= TCHAR


def _host(fields: list[Field], target: Target, version: int, end: int) -> bytes:
    """The authority that is routed and forwarded: the target's, else Host's (RFC 9112, sections 3.2 and 3.3)."""
    hosts = _named(fields, b"host")
    if not hosts:
        if version == 11:
            raise H1Error("missing-host", end)
        return target.authority
    if len(hosts) > 1:
        raise H1Error("duplicate-host", hosts[1].position)
    if parse_authority(hosts[0].value) is None:
        raise H1Error("bad-host", hosts[0].position)
    if target.scheme and not same_authority(target.scheme, hosts[0].value, target.authority):
        raise H1Error("host-mismatch", hosts[0].position)
    return target.authority or hosts[0].value


def _framing(fields: list[Field], version: int, default: Framing) -> tuple[Framing, int]:
    """RFC 9112, section 6.3, with everything that it leaves open refused: (framing, content length or -1)."""
    codings = _named(fields, b"transfer-encoding")
    lengths = _named(fields, b"content-length")
    if codings:
        if version == 10:
            raise H1Error("te-in-1.0", codings[0].position)
        if lengths:
            raise H1Error("cl-and-te", codings[0].position)
        if len(codings) > 1:
            raise H1Error("bad-te", codings[1].position)
        elements = [element.lower() for element in _elements(codings[0].value)]
        if elements == [b"chunked"]:
            return "chunked", -1
        chunked_at = [index for index, element in enumerate(elements) if element == b"chunked"]
        well_formed = all(map(_is_token, elements)) and chunked_at == [len(elements) - 1]
        raise H1Error("unknown-coding" if well_formed else "bad-te", codings[0].position)
    if lengths:
        if len(lengths) > 1:
            raise H1Error("duplicate-length", lengths[1].position)
        text = lengths[0].value
        if not text or not set(text) <= DIGIT or len(text.lstrip(b"0")) > MAX_LENGTH_DIGITS:
            raise H1Error("bad-length", lengths[0].position)
        return "length", int(text)
    return default, -1


def _size_of_options(fields: list[Field]) -> int:
    """Bytes of all Connection fields. A proxy looks up what they name for each field (RFC 9110, section 7.6.1)."""
    return sum(len(field.value) for field in _named(fields, b"connection"))


def _connection_options(fields: list[Field]) -> set[bytes]:
    return {option.lower() for field in _named(fields, b"connection") for option in _elements(field.value)}


def _expects_continue(fields: list[Field]) -> bool:
    """RFC 9110, section 10.1.1. Two lines are refused even if both say 100-continue."""
    lines = _named(fields, b"expect")
    for number, field in enumerate(lines):
        if number > 0 or field.value.lower() != b"100-continue":
            raise H1Error("unknown-expectation", field.position)
    return bool(lines)


def _upgrade(fields: list[Field]) -> bytes:
    """RFC 9110, section 7.8: value of Upgrade if Connection has the option upgrade.

    Ignored, as if it were not there: several Upgrade lines, a list that is malformed or has an empty element, and one that
    names h2c (whose upgrade would be a way around the proxy).
    """
    lines = _named(fields, b"upgrade")
    if len(lines) != 1 or b"upgrade" not in _connection_options(fields):
        return b""
    for protocol in _elements(lines[0].value):
        name, slash, version = protocol.partition(b"/")
        if name.lower() == b"h2c" or not _is_token(name) or (slash and not _is_token(version)):
            return b""
    return lines[0].value
