"""Users and backends behind networks that delay, cut, reset, dribble and stall, by a chance that has a seed.

Whatever happens, an answer that is complete is the right one, a request that is not idempotent reaches a backend at
most once, and nothing is left when it is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import socket
import struct
import threading
import time

import pytest

from relay.lab import Backend, Lab, ok, service, table
from relay.peer import Peer
from relay.threaded import Threaded

FAULTS = ("none", "none", "delay", "dribble", "cut", "reset", "stall")


class FaultyNetwork:
    """A TCP proxy; each connection through it has a fault, in each direction at another place."""

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        writers = [writer]
        try:
            up, down = await asyncio.open_connection("127.0.0.1", self._port)
            writers.append(down)
            await asyncio.gather(self._pump(reader, down, writer), self._pump(up, writer, down))
        except (OSError, RuntimeError, asyncio.CancelledError):
            pass  # uvloop: RuntimeError for a transport that is closed
        finally:
            for each in writers:
                each.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, other: asyncio.StreamWriter
    ) -> None:
        fault = self._chance.choice(FAULTS)
        place = self._chance.choice((0, 1, 50, 300, 5000, 100_000))
        passed = 0
        while data := await reader.read(65536):
            if fault == "none" or passed + len(data) <= place:
                writer.write(data)
            elif fault == "delay":
                await asyncio.sleep(0.05)
                writer.write(data)
            elif fault == "dribble":
                for at in range(min(len(data), 40)):
                    writer.write(data[at : at + 1])
                    await asyncio.sleep(0)
                writer.write(data[40:])
            else:
                writer.write(data[: place - passed])
                await self._break(fault, writer, other)
                return
            passed += len(data)
            await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()

    async def _break(self, fault: str, *writers: asyncio.StreamWriter) -> None:
        if fault == "stall":
            await asyncio.sleep(2.0)
        for writer in writers:
            if fault == "reset":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close() if fault == "cut" else writer.transport.abort()

    async def close(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        while self._tasks:
            await asyncio.sleep(0.01)
        await self._server.wait_closed()


def content(token: bytes, size: int) -> bytes:
    return (hashlib.sha256(token).digest() * (size // 32 + 1))[:size]


def answer(target: bytes, body: bytes) -> bytes | None:
    """The body's size is the target's last part; every other answer is chunked."""
    size = int(target.rpartition(b"/")[2])
    if body and body != content(target, len(body)):
        return b"HTTP/1.1 599 Mangled\r\nContent-Length: 0\r\n\r\n"
    data = content(target, size)
    if size % 2:
        return ok(data)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (
        b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    )


class User:
    """Asks until the time is over; a connection that fails is replaced."""

    def __init__(self, port: int, seed: int, until: float) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._name = b"%d" % seed
        self._until = until
        self.right = 0
        self.wrong: list[object] = []
        self.posted: list[bytes] = []

    def run(self) -> None:
        number = 0
        while time.monotonic() < self._until:
            try:
                sock = socket.create_connection(("127.0.0.1", self._port), timeout=3)
            except OSError:
                continue
            with Peer(sock) as client:
                sock.settimeout(3)
                with contextlib.suppress(OSError):
                    while time.monotonic() < self._until:
                        number += 1
                        if not self._ask(client, number):
                            break

    def _ask(self, client: Peer, number: int) -> bool:
        target = b"/%b/%d/%d" % (self._name, number, self._chance.choice((0, 1, 100, 1001, 70_000, 300_001)))
        body = content(target, self._chance.choice((0, 10, 1000, 100_000)))
        method = b"POST" if self._chance.random() < 0.4 else b"PUT" if body else b"GET"
        if method == b"POST":
            self.posted.append(target)
        client.send(b"%b %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (method, target, len(body), body))
        try:
            got = client.answer(method)
        except AssertionError:
            return False  # cut in the head
        if not got.complete:
            return False
        if got.status == 200 and got.body == content(target, int(target.rpartition(b"/")[2])):
            self.right += 1
        elif got.status not in (408, 502, 503, 504):
            self.wrong.append((target, got.status, len(got.body)))
        return not got.closes


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_on_both_sides(lab: Lab, seed: int) -> None:
    servers = [Threaded(lab.backend(f"b{number}"), answer) for number in range(2)]
    ways = [FaultyNetwork(server.backend.port, 10 * seed + at) for at, server in enumerate(servers)]
    for way in ways:
        lab.run(way.open())
    faulty = []
    for backend, way in zip(lab.backends[:2], ways, strict=True):
        behind = Backend.__new__(Backend)
        behind.name, behind.host, behind.port = backend.name, backend.host, way.port
        faulty.append(behind.spec())
    proxy = lab.proxy(
        table(service(faulty)), response_timeout=1, idle_timeout=1, write_timeout=1, head_timeout=1, keepalive_timeout=2
    )
    front = FaultyNetwork(proxy.port, 10 * seed + 5)
    lab.run(front.open())
    until = time.monotonic() + 4
    users = [User(front.port if number % 2 else proxy.port, 100 * seed + number, until) for number in range(8)]
    threads = [threading.Thread(target=user.run) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lab.run(front.close())
    proxy.becomes(clients=0, exchanges=0, upstream_busy=0)
    lab.call(proxy.relay.close)
    for way in ways:
        lab.run(way.close())
    for server in servers:
        server.stop()
    assert not [user.wrong for user in users if user.wrong]
    assert sum(user.right for user in users) > 20
    seen = [target for server in servers for target in server.targets]
    assert not [target for user in users for target in user.posted if seen.count(target) > 1]
