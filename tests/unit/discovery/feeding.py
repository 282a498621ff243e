"""A faststicky to follow: the real server, on a loop in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from faststicky.address import Address
from faststicky.discovery.feed_wire import FeedKey
from faststicky.model import Snapshot
from faststicky.serve.feed_server import FeedServer

KEY, OTHER = FeedKey(b"k" * 32), FeedKey(b"o" * 32)


class Origin:
    def __init__(self, loop: asyncio.AbstractEventLoop, server: FeedServer) -> None:
        self.loop = loop
        self.server = server
        self.refusal = ""
        self.place = ""

    def publish(self, world: Snapshot) -> None:
        self.loop.call_soon_threadsafe(self.server.publish, world)


@contextlib.contextmanager
def origin(world: Snapshot | None = None, key: FeedKey = KEY, address: str = "127.0.0.1:0") -> Iterator[Origin]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(coroutine) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, loop).result(20)

    server = FeedServer(Address.parse(address), (key,), lambda: running.refusal)
    running = Origin(loop, server)
    try:
        do(server.start())
        running.place = str(server.address)
        if world is not None:
            running.publish(world)
        yield running
    finally:
        do(server.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
