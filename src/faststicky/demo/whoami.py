"""The tutorial's demo application: every path answers `I'm <hostname>`, a few paths say more.

/echo          the request as it arrived, as JSON: method, uri, headers (in order, as received), body length, remote
/slow?ms=N     the same as any other path, after N milliseconds (at most a minute)
/health        200 OK
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys

import orjson
from aiohttp import web

from faststicky.address import Address
from faststicky.errors import ConfigError

LONGEST = 60_000  # milliseconds
FINISH = 60.0  # seconds for requests under way when stopping


def application(name: str) -> web.Application:
    """name: what it answers with."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=f"I'm {name}\n")

    async def echo(request: web.Request) -> web.Response:
        length = 0
        async for chunk in request.content.iter_any():  # counted, not kept
            length += len(chunk)
        seen = {
            "name": name,
            "method": request.method,
            "uri": request.raw_path,
            "headers": [[key.decode("latin-1"), value.decode("latin-1")] for key, value in request.raw_headers],
            "body": length,
            "remote": request.remote,
        }
        return web.Response(body=orjson.dumps(seen, option=orjson.OPT_APPEND_NEWLINE), content_type="application/json")

    async def slow(request: web.Request) -> web.Response:
        text = request.query.get("ms", "1000")
        if not (text.isascii() and text.isdigit()):
            return web.Response(status=400, text="ms is a number of milliseconds\n")
        await asyncio.sleep(min(int(text), LONGEST) / 1000)
        return await answer(request)

    async def health(_request: web.Request) -> web.Response:
        return web.Response(text="OK\n")

    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/slow", slow)
    app.router.add_get("/health", health)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def serve(listen: str, port: int, name: str = "") -> int:
    """Until SIGTERM or SIGINT. Its first line on standard output says where it listens. Raises ConfigError."""
    address = Address.parse(f"[{listen}]:{port}" if ":" in listen else f"{listen}:{port}", where="--listen")
    name = name or socket.gethostname()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(address, name))
    return 0


async def _serve(address: Address, name: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(application(name), access_log=None, handle_signals=False, shutdown_timeout=FINISH)
    await runner.setup()
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        await runner.cleanup()
        text = f"cannot listen on {address}: {error.strerror or error}"
        raise ConfigError(text, where="--port", remedy="choose another port") from error
    real = Address(address.host, runner.addresses[0][1])
    sys.stdout.write(f"{name} listens on {real}\n")
    sys.stdout.flush()
    await stop.wait()
    await runner.cleanup()
