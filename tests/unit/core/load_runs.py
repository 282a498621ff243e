"""Loads against servers on loopback: the built-in one, and ones made of plain asyncio streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

from faststicky.core._load import Answer, Client, Load, Request, Site

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GET = Request(b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n")


def site(find: Callable[[bytes], Answer] | None = None) -> Site:
    return Site(find or (lambda path: Answer(200, [(b"X-Backend", b"one")], path)))


async def listen(site: Site) -> tuple[asyncio.Server, int]:
    server = await asyncio.get_running_loop().create_server(site.connection, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def loaded(port: int, *requests: Request, seconds: float = 0, **options: Any) -> Any:
    """What a load against that port counted."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    dials: set[asyncio.Task[None]] = set()

    async def connect(client: Client) -> None:
        while True:
            try:
                await loop.create_connection(lambda: client, "127.0.0.1", port)
            except OSError:
                if not load.connect_failed():
                    return
            else:
                return

    def dial(client: Client) -> None:
        task = loop.create_task(connect(client))
        dials.add(task)
        task.add_done_callback(dials.discard)

    options.setdefault("connections", 1)
    load = Load(loop, dial, done.set, list(requests) or [GET], **options)
    load.start()
    if seconds:
        await asyncio.sleep(seconds)
        load.stop()
    while not done.is_set():
        try:
            async with asyncio.timeout(0.05):
                await done.wait()
        except TimeoutError:
            load.sweep()
    load.close()
    assert load.under_way == 0
    taken = load.take()
    await asyncio.sleep(0.01)
    return taken


def against(site_: Site, *requests: Request, **options: Any) -> Any:
    async def run() -> Any:
        server, port = await listen(site_)
        try:
            return await loaded(port, *requests, **options)
        finally:
            server.close()
            site_.close()
            await asyncio.sleep(0)

    return uvloop.run(run())


def against_stream(answer: Connected, *requests: Request, **options: Any) -> Any:
    """The same against a server of plain asyncio streams."""

    async def run() -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answer(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            return await loaded(server.sockets[0].getsockname()[1], *requests, **options)
        finally:
            server.close()
            await asyncio.sleep(0.01)

    return uvloop.run(run())


def script(*answers: bytes, close: bool = False) -> Connected:
    """A server that answers each request with the next of these, over and over, whatever it was."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for each in answers:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(each)
                if close:
                    return

    return answer


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
