"""A relay on a uvloop loop in a thread, and backends that a test plays by hand.

    with Lab() as lab:                      # or the fixture `lab`, which is the same
        proxy = lab.proxy(lab.backend())    # one service, routed for every host, sticky
        client = proxy.client()
        client.send(b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        backend = lab.backends[0].accept()
        ...

When a Lab ends it closes its relays and checks that nothing of them is left: no object, no file descriptor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import uvloop

from faststicky.core import Relay
from faststicky.model import BackendSpec, BackendState, CookiePolicy, Matcher, Outcome, Route, ServiceSpec, TableSpec
from faststicky.serve.assembly import Assembly
from faststicky.serve.channel import Acknowledged, Rejected
from faststicky.serve.publication import messages
from faststicky.settings import RelayOptions
from relay.peer import PATIENCE, Peer, until

T = TypeVar("T")
# Blocks but not bytes: each count is that of a relay of its own, whose blocks the allocator may round up differently
OBJECTS = (
    "clients",
    "exchanges",
    "upstreams",
    "upstream_idle",
    "upstream_busy",
    "connecting",
    "adopted",
    "tables",
    "past_services",
    "deadlines",
    "memory_blocks",
)
COOKIE = CookiePolicy(name="s")
# Unless a test asks for other ones. Backends are not ejected: most tests here make them fail on purpose. And a second is not
# always enough to connect on a busy machine: the relay, the client and the backends share one interpreter.
OPTIONS: dict[str, Any] = {"eject_after": 0, "connect_timeout": PATIENCE}
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"


def ok(body: bytes = b"ok", more: bytes = b"") -> bytes:
    """An answer of a backend."""
    return b"HTTP/1.1 200 OK\r\nDate: x\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


def get(path: bytes = b"/", more: bytes = b"") -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: a\r\n%b\r\n" % (path, more)


def open_files() -> dict[str, str]:
    """Number and kind of every open file descriptor."""
    found = {}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(FileNotFoundError):
            found[name] = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
    return found


class Backend:
    """A listening socket; its connections are accepted and answered by the test."""

    def __init__(self, name: str, backlog: int = 64, host: str = "127.0.0.1") -> None:
        self.name = name
        self.host = host
        self.listener = self._bound(0)
        self.listener.listen(backlog)
        self.port: int = self.listener.getsockname()[1]
        self.peers: list[Peer] = []

    def accept(self) -> Peer:
        sock, _ = self.listener.accept()
        peer = Peer(sock)
        self.peers.append(peer)
        return peer

    def is_left_alone(self, seconds: float = 0.15) -> bool:
        """True if nobody connects for that long."""
        self.listener.settimeout(seconds)
        try:
            self.peers.append(Peer(self.listener.accept()[0]))
        except TimeoutError:
            return True
        finally:
            self.listener.settimeout(PATIENCE)
        return False

    def refuse(self) -> None:
        """From now on nobody listens there. The port stays taken: nobody else can be given it meanwhile."""
        self._close_listener()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.listener = self._bound(self.port)
            except OSError:
                assert time.monotonic() < deadline, f"port {self.port} is not free again"
                time.sleep(0.005)
            else:
                return

    def listen_again(self) -> None:
        """The end of refuse."""
        self.listener.listen(64)

    def _bound(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, port))
        except OSError:
            listener.close()
            raise
        listener.settimeout(PATIENCE)
        return listener

    def hang(self) -> list[socket.socket]:
        """From now on connecting takes longer than anybody waits: the listener's queue is full."""
        self.listener.listen(0)
        waiting = []
        for _ in range(2):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex((self.host, self.port))
            waiting.append(sock)
            self.peers.append(Peer(sock))
        return waiting

    def _close_listener(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # a thread that waits in accept would keep it open
        self.listener.close()

    def close(self) -> None:
        self._close_listener()
        for peer in self.peers:
            peer.close()

    def spec(self, state: BackendState = "up", weight: int = 1) -> BackendSpec:
        """Its line in a table; the cookie value of its task is TASK.SLOT, made of its name."""
        return BackendSpec(
            id=self.name,
            name=self.name,
            host=self.host,
            port=self.port,
            weight=weight,
            state=state,
            cookie_value=f"t{self.name}.s{self.name}",
        )


def service(
    backends: Sequence[Backend | BackendSpec],
    lookup: Sequence[tuple[str, int, Outcome]] | None = None,
    *,
    name: str = "web",
    cookie: CookiePolicy | None = COOKIE,
    pass_host_header: bool = True,
) -> ServiceSpec:
    specs = tuple(each.spec() if isinstance(each, Backend) else each for each in backends)
    if lookup is None:
        lookup = [
            entry
            for at, spec in enumerate(specs)
            for entry in ((f"t{spec.name}", at, "task"), (f"s{spec.name}", at, "slot"))
        ]
    return ServiceSpec(
        name=name, backends=specs, lookup=tuple(lookup), cookie=cookie, pass_host_header=pass_host_header
    )


def table(*services: ServiceSpec, generation: int = 1, routes: Sequence[Route] | None = None) -> TableSpec:
    """The first service answers everything, unless there are routes."""
    if routes is None:
        routes = [Route(name="all", rule="", service=services[0].name, priority=1, alternatives=((),))]
    return TableSpec(generation=generation, services=services, routes=tuple(routes))


def route(to: str, priority: int, *matchers: tuple[str, str]) -> Route:
    return Route(
        name=f"{to}-{priority}",
        rule="",
        service=to,
        priority=priority,
        alternatives=(tuple(Matcher(kind, (value,)) for kind, value in matchers),),  # type: ignore[arg-type]
    )


class Loop:
    """A uvloop event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self._warm_up())

    async def _warm_up(self) -> None:
        """libuv opens a file of its own with its first listener: no test shall be told that it is the test's."""
        server = await self.loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        server.close()
        await server.wait_closed()

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """The result of function(*args), called in the loop's thread."""

        async def run() -> T:
            return function(*args)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE)

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


class Proxy:
    """A relay that listens on a port of its own."""

    def __init__(self, loop: Loop, options: RelayOptions, spec: TableSpec | None) -> None:
        self._loop = loop
        self.options = options
        self.events: list[dict[str, object]] = []
        self.fulls: list[bool] = []
        self.relay: Relay = loop.call(lambda: Relay(loop.loop, options, self.events.append, self.fulls.append))
        self.assembly = Assembly(self.relay)
        if spec is not None:
            self.publish(spec)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self._server = loop.run(loop.loop.create_server(lambda: self.relay.client(), sock=listener, backlog=1024))
        self.port: int = listener.getsockname()[1]
        self.peers: list[Peer] = []

    def publish(self, spec: TableSpec) -> None:
        self._loop.call(self.relay.publish, spec)

    def publish_in_pieces(self, spec: TableSpec, before: TableSpec | None = None) -> Acknowledged | Rejected:
        """As a worker does it: beside the traffic, and of `before` only what changed."""

        async def assemble() -> Acknowledged | Rejected:
            for piece in messages(before, spec):
                answer = await self.assembly.take(piece)
            assert answer is not None
            return answer

        self.assembly.hurried = False
        return self._loop.run(assemble())

    def client(self, receive_buffer: int = 0) -> Peer:
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", self.port))
        peer = Peer(sock)
        self.peers.append(peer)
        return peer

    def live(self) -> dict[str, int]:
        return self._loop.call(self.relay.live)

    def counters(self) -> dict[str, int]:
        return self._loop.call(self.relay.counters)

    def drain(self) -> None:
        self._loop.call(self.relay.drain)

    def becomes(self, patience: float = PATIENCE, **numbers: int) -> None:
        """Wait until these of live() are so."""
        until(lambda: numbers.items() <= self.live().items(), f"{numbers} of {self.live()}", patience)

    def reasons(self, name: str, wanted: int = 1) -> list[object]:
        """The reasons of the events called `name`, once there are so many."""

        def found() -> list[object]:
            return [event["reason"] for event in self.events if event["event"] == name]

        until(lambda: len(found()) >= wanted, f"{wanted} events {name!r} in {self.events}")
        return found()

    def drop(self) -> None:
        """Let go of the relay, also if a failed test's traceback holds this object."""
        del self.relay, self.assembly

    def close(self) -> None:
        async def close() -> None:
            self._server.close()
            await self._server.wait_closed()

        for peer in self.peers:
            peer.close()
        self._loop.call(self.relay.close)
        self._loop.run(close())


class Lab:
    """What one test uses. See the module."""

    def __init__(self, loop: Loop, adopted_after: int | None = None) -> None:
        """adopted_after: of its relays (see core/relay/reading.pxi), None for what users get."""
        self._loop = loop
        self._adopted_after = adopted_after
        self._proxies: list[Proxy] = []
        self.backends: list[Backend] = []
        self.others: list[Peer] = []
        self._files = open_files()
        self._alive = self._count()

    def _count(self) -> dict[str, int]:
        """Live objects of all relays of this process: exchanges and tables are counted across relays."""
        bare = self._loop.call(lambda: self._bare())
        return {name: bare[name] for name in OBJECTS}

    def _bare(self) -> dict[str, int]:
        relay = Relay(self._loop.loop, RelayOptions())
        live = relay.live()
        relay.close()
        return live

    def backend(self, name: str = "", **options: Any) -> Backend:
        backend = Backend(name or f"b{len(self.backends)}", **options)
        self.backends.append(backend)
        return backend

    def proxy(self, *backends: Backend | TableSpec | None, **options: Any) -> Proxy:
        """A proxy with these relay options, for a table or for one sticky service of these backends; None: no table."""
        options = {**OPTIONS, **options}
        first = backends[0] if backends else self.backend()
        if first is None or isinstance(first, TableSpec):
            spec = first
        else:
            spec = table(service([each for each in backends or (first,) if isinstance(each, Backend)]))
        proxy = Proxy(self._loop, RelayOptions(**options), spec)
        if self._adopted_after is not None:
            proxy.relay.adopted_after = self._adopted_after
        self._proxies.append(proxy)
        return proxy

    def call(self, function: Callable[..., T], *args: Any) -> T:
        return self._loop.call(function, *args)

    def run(self, coroutine: Any) -> Any:
        """Its result; it runs in the relay's loop."""
        return self._loop.run(coroutine)

    def close(self) -> None:
        for proxy in self._proxies:
            proxy.close()
        for backend in self.backends:
            backend.close()
        try:
            for proxy in self._proxies:
                zero = dict.fromkeys(
                    ("clients", "upstream_idle", "upstream_busy", "connecting", "adopted", "deadlines"), 0
                )
                proxy.becomes(**zero)
                proxy.drop()
            until(lambda: self._count() == self._alive, f"{self._alive}")
            until(lambda: len(open_files()) <= len(self._files), "no more open files than before")
        except AssertionError as error:
            left = open_files().items() - self._files.items()
            raise AssertionError(f"left behind: {self._count()}, files {left}") from error
        errors, self._loop.errors = self._loop.errors, []
        assert not errors, errors
