"""A backend that does all that it should: `python -m soak.good_backend NAME`.

/soak            so many bytes (`size`), made of its name and the request's X-Token, with a length or in chunks (`mode`); the
                 digest of the request's body in X-Digest
/soak/events     server-sent events: `count`, one every `every` seconds
/soak/echo       a WebSocket that says its name and what it was told
/report          what arrived that must not: number of requests for /smuggled
anything else    the body is read and dropped
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import sys

import uvloop
from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError

LONGEST = 1 << 23  # bytes of an answer
STEP = 1 << 16


def content(name: str, token: str, size: int) -> bytes:
    """The body of an answer: nobody else's looks the same."""
    line = f"{name} {token}\n".encode()
    return (line * (size // len(line) + 1))[:size]


def digest(body: bytes) -> str:
    """Of a request's body."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def event(name: str, token: str, number: int) -> bytes:
    """One server-sent event."""
    return f"data: {name} {token} {number}\n\n".encode()


class Backend:
    """What it answers."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.smuggled = 0

    def fields(self, request: web.Request) -> dict[str, str]:
        return {"X-Backend": self.name, "X-Token": request.headers.get("X-Token", "none")}

    async def soak(self, request: web.Request) -> web.StreamResponse:
        hashed = hashlib.blake2b(digest_size=16)
        async for piece in request.content.iter_any():
            hashed.update(piece)
        fields = {**self.fields(request), "X-Digest": hashed.hexdigest()}
        size = min(int(request.query.get("size", "0")), LONGEST)
        body = content(self.name, fields["X-Token"], size)
        if request.query.get("mode") != "chunked":
            return web.Response(body=body, headers=fields)
        response = web.StreamResponse(headers=fields)
        response.enable_chunked_encoding()
        await response.prepare(request)
        for at in range(0, size, STEP):
            await response.write(body[at : at + STEP])
        await response.write_eof()
        return response

    async def events(self, request: web.Request) -> web.StreamResponse:
        fields = self.fields(request)
        response = web.StreamResponse(headers={**fields, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number in range(int(request.query.get("count", "3"))):
            await response.write(event(self.name, fields["X-Token"], number))
            await asyncio.sleep(float(request.query.get("every", "0.1")))
        await response.write_eof()
        return response

    async def echo(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        socket.headers.update(self.fields(request))
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await socket.send_bytes(self.name.encode() + b" " + message.data)
        return socket

    async def report(self, request: web.Request) -> web.Response:
        return web.json_response({"smuggled": self.smuggled})

    async def other(self, request: web.Request) -> web.Response:
        self.smuggled += "/smuggled" in request.path
        async for _ in request.content.iter_any():
            pass
        return web.Response(text=f"I'm {self.name}\n", headers=self.fields(request))

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/soak/events", self.events)
        app.router.add_get("/soak/echo", self.echo)
        app.router.add_route("*", "/soak", self.soak)
        app.router.add_get("/report", self.report)
        app.router.add_route("*", "/{path:.*}", self.other)
        return app


async def orphaned() -> None:
    """Returns at the end of standard input: whoever started this process is gone, or is done with it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    transport.close()


def _is_news(record: logging.LogRecord) -> bool:
    """False for clients that leave, and for methods that nobody has heard of: attackers, both."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ConnectionError | HttpProcessingError)


async def _serve(name: str) -> None:
    logging.getLogger("aiohttp.server").addFilter(_is_news)
    # A tenth of a second for what is under way: the users have left by then
    app = Backend(name).application()
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1, keepalive_timeout=30.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await orphaned()
    await runner.cleanup()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(sys.argv[1]))
