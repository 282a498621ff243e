"""What supervisor and worker say to each other, and how it is framed.

One unix stream socket for each worker. A message is four bytes of length (big endian) and a msgpack map whose "type"
names the struct. Both ends run the same installation, so there is no version negotiation; anything that cannot be
decoded is a bug and ends the channel.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import msgspec

from faststicky.model import BackendSpec, Outcome, Route, ServiceSpec
from faststicky.settings import RelayOptions

MAX_MESSAGE = 16 * 1024 * 1024  # bytes; tables come in pieces, but a service's labels may be long
MAX_BACKLOG = 8 * 1024 * 1024  # bytes that the other side has not taken; above, events and lines are dropped


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all messages."""


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """To the worker, first: who it is and how its relay is set up. Its listening sockets are inherited descriptors."""

    index: int
    listeners: tuple[int, ...]  # file descriptors
    region: int  # file descriptor of the shared memory that it counts in (see core._stats)
    relay: RelayOptions
    grace: float  # seconds for requests in flight when the worker has to stop of its own accord


class NoTable(Message, frozen=True, kw_only=True, tag="no-table"):
    """To the worker: there is no table yet, answer 503 meanwhile. It is acknowledged as generation 0."""


class BeginTable(Message, frozen=True, kw_only=True, tag="begin-table"):
    """To the worker: pieces of a table follow, see publication.py. base: the generation that they build upon, which the
    worker has in force; None: all of the table follows."""

    generation: int
    base: int | None


class ServicePiece(Message, frozen=True, kw_only=True, tag="service"):
    """To the worker: a service that is new, or not as in the base. `service` has neither its backends nor its lookup: there
    will be so many of them in the next pieces."""

    service: ServiceSpec
    backends: int
    values: int


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A backend, and the cookie values that lead to it."""

    backend: BackendSpec
    values: tuple[tuple[str, Outcome], ...]


Segment = tuple[int, int, list[Line]]
"""(first, count, lines): `count` backends of this service in the base, from position `first` on, then those of `lines`."""


class BackendsPiece(Message, frozen=True, kw_only=True, tag="backends"):
    """To the worker: the next backends of that service."""

    segments: list[Segment]


class NamesPiece(Message, frozen=True, kw_only=True, tag="names"):
    """To the worker: the next names of all services, in their order. Left out if these and the routes are as in the base."""

    names: tuple[str, ...]


class RoutesPiece(Message, frozen=True, kw_only=True, tag="routes"):
    """To the worker: the next of all routes."""

    routes: tuple[Route, ...]


class EndTable(Message, frozen=True, kw_only=True, tag="end-table"):
    """To the worker: that was all, put it in force. It answers with Acknowledged or Rejected."""


class GetStats(Message, frozen=True, kw_only=True, tag="get-stats"):
    """To the worker: answer with Stats, behind the number of access lines that were dropped last (Access)."""


class Drain(Message, frozen=True, kw_only=True, tag="drain"):
    """To the worker: finish what is under way, be gone after `grace` seconds at the latest.

    accept: seconds for which connections are still accepted, as long as others are open. They are asked to end after an
    answer like all others. Nobody else is going to accept them: what waits in its sockets is the worker's, to the last.
    """

    grace: float
    accept: float = 0.0


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """From the worker: it accepts connections."""


class Acknowledged(Message, frozen=True, kw_only=True, tag="acknowledged"):
    """From the worker: this generation is in force (0: none yet)."""

    generation: int


class Rejected(Message, frozen=True, kw_only=True, tag="rejected"):
    """From the worker: this generation could not be built; the one before it stays in force."""

    generation: int
    error: str


class Leaving(Message, frozen=True, kw_only=True, tag="leaving"):
    """From the worker: it drains of its own accord (it got SIGTERM); its sockets want another worker now."""


class Events(Message, frozen=True, kw_only=True, tag="events"):
    """From the worker: what its relay reported. dropped: how many more there were than a batch holds."""

    events: list[dict[str, Any]]
    dropped: int


class Stats(Message, frozen=True, kw_only=True, tag="stats"):
    """From the worker: totals since its start, and what is alive in it (see core.Relay)."""

    generation: int
    counters: dict[str, int]
    live: dict[str, int]


class Access(Message, frozen=True, kw_only=True, tag="access"):
    """From the worker: access lines, whole ones. dropped: how many more there were than it could send."""

    lines: bytes
    dropped: int


TablePiece = BeginTable | ServicePiece | BackendsPiece | NamesPiece | RoutesPiece | EndTable
ToWorker = Hello | NoTable | TablePiece | GetStats | Drain
FromWorker = Ready | Acknowledged | Rejected | Leaving | Events | Access | Stats

_encoder = msgspec.msgpack.Encoder(enc_hook=str)  # an event may carry anything that has a name
_decoder: msgspec.msgpack.Decoder[ToWorker | FromWorker] = msgspec.msgpack.Decoder(ToWorker | FromWorker)


def encode(message: ToWorker | FromWorker) -> bytes:
    """The message with its length before it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


class Channel:
    """One end of the pair. Messages arrive in the order in which they were sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, sock: socket.socket) -> Channel:
        """Takes the socket over."""
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        return cls(reader, writer)

    @property
    def backlog(self) -> int:
        """Bytes that the other side has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, message: ToWorker | FromWorker) -> None:
        """Never waits. Nothing happens if the other side is gone: `receive` tells."""
        self.write(encode(message))

    def write(self, frame: bytes) -> None:
        """The same for a message that is encoded already."""
        if not self._writer.is_closing():
            self._writer.write(frame)

    async def flush(self) -> None:
        """Until the other side has taken most of what was sent, or is gone."""
        with contextlib.suppress(OSError):
            await self._writer.drain()

    async def receive(self) -> ToWorker | FromWorker | None:
        """The next message; None when the other side is gone. Raises ValueError for what is not a message."""
        try:
            size = int.from_bytes(await self._reader.readexactly(4), "big")
            if size > MAX_MESSAGE:
                raise ValueError(f"a message of {size} bytes on the worker channel; at most {MAX_MESSAGE} are allowed")
            body = await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, OSError):
            return None
        return _decoder.decode(body)

    async def close(self) -> None:
        """The other side sees the end of the stream; what it has not taken by then is lost."""
        self._writer.transport.abort() if self.backlog else self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
