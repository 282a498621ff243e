"""HTTP/1.1 heads, framing and chunks (RFC 9112), parsed in place. These functions are the core's windows for tests and tools;
the relay calls the C functions below them."""

from typing import Final, Literal, TypedDict

class H1Error(Exception):
    """The message must be refused: `status` to answer (400, 414, 431, 501, 505; 502 for a backend's answer), `code` (a short
    name such as "bad-chunk-size"), `position` (offset of the first offending byte)."""

    status: int
    code: str
    position: int

class Head(TypedDict):
    length: int  # of the head, with the empty line; leading empty lines included
    version: int  # 10 or 11 (1.2 to 1.9 count as 11)
    fields: list[tuple[bytes, bytes]]  # as received, values without surrounding white space
    framing: Literal["none", "length", "chunked", "close"]
    content_length: int  # -1 without Content-Length
    keep_alive: bool

class RequestHead(Head):
    method: bytes
    target: bytes  # as received
    path: bytes  # what is routed and forwarded: origin-form, or "*"; of an absolute-form target its path and query
    host: bytes  # authority that is routed and forwarded
    expect_continue: bool
    upgrade: bytes  # b"" without a valid "Connection: upgrade" + Upgrade pair

class ResponseHead(Head):
    status: int
    reason: bytes

def request_head(data: bytes, max_head: int = 32768, max_line: int = 8192, max_fields: int = 100) -> RequestHead | None:
    """The head at the start of `data`; None when more bytes are needed. Raises H1Error."""

def response_head(
    data: bytes, method: bytes = b"GET", max_head: int = 65536, max_line: int = 16384, max_fields: int = 200
) -> ResponseHead | None:
    """The same for an answer to a request with this method (HEAD, 204, 304 and 1xx have no body). Raises H1Error, status 502."""

class ChunkedBody:
    """Incremental decoder of one chunked body. Memory does not grow with the body."""

    done: bool
    trailers: list[tuple[bytes, bytes]]
    def __init__(self, max_trailer: int = 8192, max_extensions: int = 4096) -> None: ...
    def feed(self, data: bytes) -> tuple[bytes, int]:
        """Payload found in `data`, and how many bytes of `data` were used (fewer than all once the body is done)."""

CODES: Final[dict[str, int]]
"""Every reason to refuse a message, with the status towards a client that sent it."""
