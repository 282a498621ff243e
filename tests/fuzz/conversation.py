"""A real Relay between a client on a socket pair and a backend on loopback, on one event loop: bytes in, everything
that arrived out.

The backend is h11 where it reads (so what it cannot read ends the connection) and answers every request with its
number, so that it can be seen whose answer the client got. The first answer can be replaced by any bytes.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import h11
import uvloop

from faststicky.core._relay import Relay
from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec, TableSpec
from faststicky.settings import RelayOptions
from patience import seconds

PATIENCE = seconds(60.0)  # seconds for what takes milliseconds: a hang, not a slow machine
# No deadline of the relay ends before a conversation is given up: 504 would be the machine's answer
OPTIONS = RelayOptions(head_timeout=3 * PATIENCE, connect_timeout=3 * PATIENCE, idle_timeout=3 * PATIENCE)
COOKIE = b"_fs"
TASK = "k3n0"
PROBE = b"GET /probe HTTP/1.1\r\nHost: a\r\n\r\n"


class Backend(asyncio.Protocol):
    """One connection to the backend: everything received, answered request by request."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.received = b""
        self.reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        world.arrived.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.reader.receive_data(data)
        try:
            while not self.transport.is_closing() and self._next():
                pass
        except h11.RemoteProtocolError:
            self.transport.abort()  # whoever looks at `received` sees why

    def _next(self) -> bool:
        event = self.reader.next_event()
        if isinstance(event, h11.Request):
            self.is_head = event.method == b"HEAD"
        elif isinstance(event, h11.EndOfMessage):
            self.world.answers += 1
            body = b"answer %d\n" % self.world.answers
            head = self.reader.send(h11.Response(status_code=200, headers=[("Content-Length", str(len(body)))]))
            if not self.is_head:
                self.reader.send(h11.Data(data=body))
            self.reader.send(h11.EndOfMessage())
            pieces, close = [(head or b"") + (b"" if self.is_head else body)], False
            if self.world.answers == 1 and self.world.first_answer is not None:
                pieces, close = self.world.first_answer
            self.world.send(self.transport, pieces, close)
            if self.reader.our_state is not h11.DONE:
                return False
            self.reader.start_next_cycle()
            return True
        return event is not h11.NEED_DATA and event is not h11.PAUSED


class Client(asyncio.Protocol):
    """The user's end: everything received, and whether it has ended."""

    def __init__(self) -> None:
        self.received = b""
        self.ended = False
        self.reset = False
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.ended = True
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if not self.leaving:
            self.reset = not self.ended
            self.ended = True


class World:
    """One loop with one backend, for many conversations. Close it."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.loop.set_exception_handler(self._note)
        self.faults: list[dict[str, Any]] = []
        self.arrived: list[Backend] = []
        self.sending: set[asyncio.Task[None]] = set()
        self.answers = 0
        self.probed = b""  # what the next user was answered
        self.first_answer: tuple[list[bytes], bool] | None = None
        self.server = self.loop.run_until_complete(self.loop.create_server(lambda: Backend(self), "127.0.0.1", 0))
        self.port: int = self.server.sockets[0].getsockname()[1]

    def close(self) -> None:
        self.server.close()
        self.loop.run_until_complete(self.server.wait_closed())
        self.arrived = []
        self.loop.close()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.faults.append(context)

    def send(self, transport: Any, pieces: list[bytes], close: bool) -> None:
        task = self.loop.create_task(_send(transport, pieces, close))
        self.sending.add(task)
        task.add_done_callback(self.sending.discard)

    def table(self) -> TableSpec:
        """One sticky service for everything."""
        backend = BackendSpec(
            id="t", name="t", host="127.0.0.1", port=self.port, weight=1, state="up", cookie_value=TASK
        )
        service = ServiceSpec(
            name="s",
            backends=(backend,),
            lookup=((TASK, 0, "task"),),
            cookie=CookiePolicy(name=COOKIE.decode()),
            pass_host_header=True,
        )
        everything = (Matcher("path_prefix", ("",)),)
        route = Route(name="all", rule="all", service="s", priority=1, alternatives=(everything,))
        return TableSpec(generation=1, services=(service,), routes=(route,))

    def converse(
        self,
        pieces: list[bytes],
        is_over: Callable[[Client], bool],
        first_answer: tuple[list[bytes], bool] | None = None,
    ) -> Client:
        """Send `pieces`, wait until `is_over`, part; then another client asks once. TimeoutError: it hangs.

        What reached the backend is in `arrived`, what the other client was answered in `probed`.

        first_answer: pieces that the backend sends instead of its first answer, and whether it closes behind them.
        """
        self.arrived, self.answers, self.first_answer, self.faults = [], 0, first_answer, []
        relay = Relay(self.loop, OPTIONS)
        before = relay.live()
        try:
            return self.loop.run_until_complete(self._converse(relay, pieces, is_over))
        finally:
            relay.close()
            self.loop.run_until_complete(self._quiet(relay, before))

    async def _converse(self, relay: Relay, pieces: list[bytes], is_over: Callable[[Client], bool]) -> Client:
        relay.publish(self.table())
        theirs, ours = socket.socketpair()
        client = Client()
        transport, _ = await self.loop.connect_accepted_socket(lambda: client, ours)
        await self.loop.connect_accepted_socket(relay.client, theirs)
        await _send(transport, pieces, False)
        try:
            await _until(lambda: is_over(client))
            await _turns(4)  # what should not come has a chance to come
        finally:
            client.leaving = True
            transport.abort()
        await self._probe(relay)
        return client

    async def _probe(self, relay: Relay) -> None:
        """The next user, to whom what the first one left behind must do nothing: in the pool or on the way."""
        theirs, ours = socket.socketpair()
        client = Client()
        transport, _ = await self.loop.connect_accepted_socket(lambda: client, ours)
        await self.loop.connect_accepted_socket(relay.client, theirs)
        transport.write(PROBE)
        try:
            await _until(lambda: client.ended or client.received.endswith(b"\n"))
        finally:
            client.leaving = True
            transport.abort()
        self.probed = client.received.partition(b"\r\n\r\n")[2]

    async def _quiet(self, relay: Relay, before: dict[str, int]) -> None:
        """Everything is gone again that was not there before: connections, exchanges, tables, memory."""

        def left() -> dict[str, int]:
            return {name: number for name, number in relay.live().items() if number != before[name]}

        await _until(lambda: not left(), left)
        for backend in self.arrived:
            backend.transport.abort()
        await _until(lambda: not self.sending)
        await _turns(2)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _until(holds: Callable[[], bool], what: Callable[[], object] = lambda: "") -> None:
    end = time.monotonic() + PATIENCE
    turns = 0
    while not holds():
        turns += 1
        await asyncio.sleep(0 if turns < 200 else 0.01)
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happens for {PATIENCE} seconds {what()}")


async def _send(transport: Any, pieces: list[bytes], close: bool) -> None:
    """Each piece is read by itself: the loop has polled in between."""
    for piece in pieces:
        if transport.is_closing():
            return
        if piece:
            transport.write(piece)
        await _turns(3)
    if close:
        transport.close()
