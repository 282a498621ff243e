"""A worker process: the compiled relay on a uvloop event loop, directed by the supervisor through the channel.

Started by exec as `python -m faststicky.serve.worker FD`, where FD is its end of the channel; its listening sockets are
inherited too and named in the Hello message. It imports nothing that only the supervisor needs (aiohttp, docker, click,
rich, lark): that is memory for every core and attack surface beside the traffic.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import mmap
import os
import signal
import socket
import sys
from typing import Any

import msgspec
import uvloop

from faststicky.core import Relay
from faststicky.core._stats import REGION_SIZE
from faststicky.serve.assembly import Assembly
from faststicky.serve.channel import (
    MAX_BACKLOG,
    Access,
    Acknowledged,
    BackendsPiece,
    BeginTable,
    Channel,
    Drain,
    EndTable,
    Events,
    GetStats,
    Hello,
    Leaving,
    NamesPiece,
    NoTable,
    Ready,
    Rejected,
    RoutesPiece,
    ServicePiece,
    Stats,
)
from faststicky.serve.hush import HANDSHAKE, anybody_at, hush
from faststicky.serve.limits import BACKLOG, client_connections, upstream_connections

EVENTS_PER_BATCH = 256
EVENT_DELAY = 0.1  # seconds that an event waits for company
ORPHAN_GRACE = 2.0  # seconds for requests in flight when the supervisor is gone
POLL = 0.02  # seconds between two looks at what is still alive while draining


class EventBatch:
    """Collects the relay's events and sends them in bounded batches; what does not fit is counted."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: Channel) -> None:
        self._loop = loop
        self._channel = channel
        self._events: list[dict[str, Any]] = []
        self._dropped = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, event: dict[str, object]) -> None:
        """The relay's on_event. Never raises, never waits."""
        if len(self._events) >= EVENTS_PER_BATCH:
            self._dropped += 1
            return
        self._events.append(event)
        if self._timer is None:
            self._timer = self._loop.call_later(EVENT_DELAY, self.flush)

    def flush(self) -> None:
        """Send what is there, unless the supervisor is far behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._events:
            return
        if self._channel.backlog > MAX_BACKLOG:
            self._dropped += len(self._events)
        else:
            self._channel.send(Events(events=self._events, dropped=self._dropped))
            self._dropped = 0
        self._events = []


class Worker:
    """One relay from its first table to its last request. `run` returns when nothing is left to do."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: Channel, hello: Hello) -> None:
        self._loop = loop
        self._channel = channel
        self._hello = hello
        self._events = EventBatch(loop, channel)
        clients = client_connections(hello.relay.max_connections)
        options = msgspec.structs.replace(hello.relay, max_connections=clients)
        self._lost_lines = 0
        region = mmap.mmap(hello.region, REGION_SIZE)
        os.close(hello.region)
        on_access = self._on_access if options.access_log != "off" else None
        self._relay = Relay(
            loop,
            options,
            self._events.add,
            self._full,
            region=region,
            on_access=on_access,
            max_upstream=upstream_connections(clients),
        )
        self._assembly = Assembly(self._relay)
        self._sockets = [socket.socket(fileno=fd) for fd in hello.listeners]
        self._servers: list[asyncio.Server] = []
        self._listening: asyncio.Task[None] | None = None
        self._is_full = False
        self._accepting = False
        self._deadline: float | None = None  # set once draining; moves only nearer
        self._last_call = 0.0  # the end of accepting while draining, if nobody else takes the sockets over
        self._replaced = False  # a successor does
        self._is_deaf = False  # nothing more is accepted
        self._finished = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until drained: by the supervisor's word, by SIGTERM, or because the supervisor is gone or not understood."""
        self._loop.add_signal_handler(signal.SIGTERM, self._leave)
        obeying = asyncio.ensure_future(self._obey())
        await self._finished.wait()
        self._events.flush()
        self._report()
        await self._channel.flush()
        obeying.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await obeying
        finally:
            await self._channel.close()

    async def _obey(self) -> None:
        try:
            while (message := await self._channel.receive()) is not None:
                match message:
                    case NoTable():  # the relay answers 503 without one
                        await self._answer(Acknowledged(generation=0))
                    case GetStats():
                        self._report()
                    case Drain(grace=grace, accept=accept):
                        self._drain(grace, accept)
                    case (
                        BeginTable()
                        | ServicePiece()
                        | BackendsPiece()
                        | NamesPiece()
                        | RoutesPiece()
                        | EndTable() as piece
                    ):
                        answer = await self._assembly.take(piece)
                        if answer is not None:
                            await self._answer(answer)
                    case _:
                        raise TypeError(f"the supervisor sent {type(message).__name__}, which is not for a worker")
        finally:
            self._drain(ORPHAN_GRACE)

    async def _answer(self, answer: Acknowledged | Rejected) -> None:
        """To a table; with the first one, whatever became of it, the worker begins to accept."""
        self._channel.send(answer)
        if self._accepting or self._deadline is not None:
            return
        # What there is now stays: no search for cycles has to walk over it again. Of later tables' parts there are thousands
        # too, but none that a search looks at (core/table/service.pxi).
        gc.collect()
        gc.freeze()
        self._accepting = True
        self._assembly.hurried = False
        await self._listen()
        self._channel.send(Ready())

    async def _listen(self) -> None:
        """Accept on all sockets, unless the relay is full or the worker is leaving. The sockets themselves stay ours: a
        server owns a duplicate, so that accepting can stop and go on without losing the kernel's queue."""
        for sock in self._sockets:
            if self._is_full or self._is_deaf:
                return
            # asyncio listens again, with a backlog of its own (100) unless it is told
            server = await self._loop.create_server(self._relay.client, sock=sock.dup(), backlog=BACKLOG)
            self._servers.append(server)
            if self._is_full or self._is_deaf:  # it has filled up, or was told to leave, in the meantime
                self._stop_listening()
        if not self._servers and not self._is_full and not self._is_deaf:  # filled up and emptied in the meantime
            await self._listen()

    def _full(self, is_full: bool) -> None:
        """The relay's on_full: whoever connects while it is full waits in the kernel's queue."""
        self._is_full = is_full
        if is_full:
            self._events.add({"event": "full", "clients": self._relay.live()["clients"]})
            self._stop_listening()
        elif not self._servers and (self._listening is None or self._listening.done()):
            self._listening = asyncio.ensure_future(self._listen())

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    def _on_access(self, lines: bytes) -> None:
        """The relay's on_access. A supervisor that is far behind gets only their number."""
        if self._channel.backlog > MAX_BACKLOG:
            self._lost_lines += lines.count(b"\n")
            return
        self._channel.send(Access(lines=lines, dropped=self._lost_lines))
        self._lost_lines = 0

    def _report(self) -> None:
        if self._lost_lines:  # no line may follow for a long time, or ever
            self._channel.send(Access(lines=b"", dropped=self._lost_lines))
            self._lost_lines = 0
        counters, live = self._relay.counters(), self._relay.live()
        self._channel.send(Stats(generation=self._relay.generation, counters=counters, live=live))

    def _leave(self) -> None:
        if self._deadline is None:
            self._channel.send(Leaving())
            self._replaced = True
        self._drain(self._hello.grace)

    def _drain(self, grace: float, accept: float = 0.0) -> None:
        now = self._loop.time()
        first = self._deadline is None
        self._deadline = now + grace if self._deadline is None else min(self._deadline, now + grace)
        self._last_call = now + accept if first else min(self._last_call, now + accept)
        self._assembly.hurried = True
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._finish())

    async def _finish(self) -> None:
        """Ask everybody to leave, and let them."""
        assert self._deadline is not None
        self._relay.drain()
        if not self._replaced and self._accepting:
            await self._serve_late_comers()
        self._is_deaf = True
        self._stop_listening()
        for sock in self._sockets:
            sock.close()
        self._relay.drain()  # the late comers, too
        while self._relay.live()["clients"] and self._loop.time() < self._deadline:  # noqa: ASYNC110
            await asyncio.sleep(POLL)  # the relay has no event for this, and should not pay for one
        self._relay.close()
        self._finished.set()

    async def _serve_late_comers(self) -> None:
        """Nobody else has the port: while others are still leaving, whoever comes gets an answer, the last on its connection."""
        assert self._deadline is not None
        while self._relay.live()["clients"] and self._loop.time() < min(self._last_call, self._deadline):  # noqa: ASYNC110
            await asyncio.sleep(POLL)
        for sock in self._sockets:
            hush(sock)
        until = min(self._loop.time() + HANDSHAKE, self._deadline)
        while self._loop.time() < until or (anybody_at(self._sockets) and self._loop.time() < self._deadline):  # noqa: ASYNC110
            await asyncio.sleep(POLL)


async def serve(sock: socket.socket) -> int:
    """Serve on the channel `sock`; the process's exit code."""
    channel = await Channel.open(sock)
    hello = await channel.receive()
    if not isinstance(hello, Hello):  # None: the supervisor is gone before it spoke
        await channel.close()
        return 0 if hello is None else 1
    await Worker(asyncio.get_running_loop(), channel, hello).run()
    return 0


def main() -> int:
    """Signals of the terminal go to every process of its group, but only the supervisor decides."""
    for name in (signal.SIGINT, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    return uvloop.run(serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    os._exit(main())  # nothing is left to be done: the supervisor waits for the end
