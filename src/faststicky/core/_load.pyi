"""The load generator's hot loop: clients that ask, time and check, and a responder to ask. For one event loop's thread."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal, TypedDict

ERRORS: Final[tuple[str, ...]]
"""Kinds of failed requests: connect (no connection within the time-out), reset (lost before the answer began), short (lost in the
middle of it), timeout, malformed (cannot be read, or nobody asked for it), upgrade (no WebSocket)."""

def accept_of(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455, 4.2.2)."""

Counted = tuple[list[tuple[int, int]], int, int]
"""A histogram that was taken: (bucket, count) of those that are not empty; sum and longest value in microseconds."""

class Histogram:
    def record(self, microseconds: int) -> None: ...
    def take(self) -> Counted:
        """What was recorded since the last time."""

class Request:
    """A request, cut where cookies and `Connection: close` are put: `front` ends behind the last field's CRLF, `back` begins with
    the empty line. method: HEAD, for which no body is awaited, or anything else."""

    def __init__(self, front: bytes, back: bytes, method: str = "GET") -> None: ...

class Taken(TypedDict):
    """Counted since the last time. Latencies are those of complete answers of whatever status."""

    requests: int  # complete answers (WebSocket: echoes)
    errors: dict[str, int]  # by ERRORS; kinds that did not occur are left out
    answers: list[int]  # by class of status; [0] unused
    bytes_in: int
    bytes_out: int
    connects: int
    repeated: int  # asked again: the server closed the connection politely before their turn
    cookies_set: int  # Set-Cookie fields
    elsewhere: int  # requests with a cookie that another backend answered than the one where the user was at home
    moved: int  # users to whom that happened for the first time
    latency: Counted  # from sending to the last byte
    corrected: Counted  # open loop: from the planned moment of sending
    late: Counted  # open loop: how late the generator itself was although a connection was free
    backends: dict[bytes, int]  # answers by what identifies a backend

class Client(asyncio.Protocol):
    """asyncio protocol of one connection; made by Load, connected by `dial`."""

    spent: bool
    place: int

class Load:
    """The load of one event loop: closed loop (rate 0: every connection asks again when it is answered) or open loop (requests
    at fixed moments, whatever the answers do)."""

    wants_more: bool
    under_way: int
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        dial: Callable[[Client], object],
        on_done: Callable[[], None],
        requests: list[Request],
        *,
        connections: int,
        sessions: int = 0,
        cookies: bytes = b"",
        depth: int = 1,
        rate: float = 0,
        phase: float = 0,
        limit: int = 0,
        close_ratio: float = 0,
        timeout: float = 10,
        identify: Literal["nothing", "body", "header", "cookie"] = "cookie",
        wanted: bytes = b"",
        echo: bytes | None = None,
    ) -> None:
        """dial: must connect the given Client, or call connect_failed. on_done: called once, when everything is answered.
        requests: asked in turn by every user. sessions: users with a cookie jar; 0: nobody keeps cookies. cookies: what every jar
        begins with. depth: requests under way on a connection. rate: requests/s of an open loop; phase: seconds until its first.
        limit: requests in all, 0 for no end. close_ratio: share of requests behind which the connection is closed. timeout:
        seconds. identify: what tells backends apart (`wanted`: name of the header or cookie). echo: WebSocket messages."""
    def start(self) -> None: ...
    def stop(self) -> None:
        """Send nothing new."""
    def close(self) -> None:
        """Abort; what was still under way is counted as timed out."""
    def sweep(self) -> None:
        """Look for time-outs. To be called a few times a second."""
    def connect_failed(self) -> bool:
        """Tell of a connection that could not be opened; True if another attempt is wanted."""
    def take(self) -> Taken: ...

class Answer:
    """A prebuilt answer; fields without Content-Length and Connection, which are added."""

    def __init__(self, status: int, fields: list[tuple[bytes, bytes]], body: bytes) -> None: ...

class Site:
    """A backend: answers every path with what `find(path)` gave, and upgrades to a WebSocket echo whoever asks for one."""

    requests: int
    def __init__(self, find: Callable[[bytes], Answer]) -> None: ...
    def connection(self) -> asyncio.Protocol: ...
    def close(self) -> None: ...
