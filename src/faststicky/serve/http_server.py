"""aiohttp's server as the admin port and the feed use it: every answer is ours, also those to what is no request.

aiohttp answers a malformed request itself, before the application sees anything of it: with its own name in Server, and
without the application's fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import msgspec
from aiohttp import web

from faststicky.address import Address
from faststicky.serve.api_types import Problem
from faststicky.serve.http_log import http_log
from faststicky.serve.listeners import cannot_listen

SHUTDOWN = 1.0  # seconds for answers under way
HEAD_TIME = 20.0  # seconds from connecting to the end of the first request's head
IDLE_TIME = 75.0  # seconds from an answer to the end of the next request's head
MOST = 2000  # connections; descriptors are needed for workers, too


def answer(value: object, code: int = 200) -> web.Response:
    """As JSON, with a line break at its end for those who read it in a terminal."""
    return web.Response(body=msgspec.json.encode(value) + b"\n", status=code, content_type="application/json")


def sign(headers: Mapping[str, str]) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """For an application's on_response_prepare: every answer has these fields."""

    async def prepare(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers)

    return prepare


class HttpServer:
    """An application on its own socket. `address` is the real one once it has started (port 0 resolved)."""

    def __init__(self, address: Address, app: web.Application, option: str, headers: Mapping[str, str]) -> None:
        """option: that named the address. headers: of answers that the application does not give."""
        self.address = address
        self._option = option
        self._headers = headers
        self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=SHUTDOWN, keepalive_timeout=IDLE_TIME)
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises ConfigError when the address cannot be listened on."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(self._connection, self.address.host, self.address.port)
        except OSError as error:
            await self._runner.cleanup()
            raise cannot_listen(self.address, error, self._option) from error
        self.address = Address(self.address.host, self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Answers under way are finished first, for a second at most."""
        if self._listener is not None:
            self._listener.close()
            for _ in range(2):  # who was accepted last becomes a connection that the runner knows, and closes
                await asyncio.sleep(0)
        await self._runner.cleanup()

    def _connection(self) -> web.RequestHandler:
        server = self._runner.server
        assert server is not None
        return _Connection(server, self._headers)


class _Connection(web.RequestHandler):
    __slots__ = ("_deadline", "_fields")

    def __init__(self, server: web.Server, fields: Mapping[str, str]) -> None:
        # None is what AppRunner hands over for "no access log"
        super().__init__(server, loop=asyncio.get_running_loop(), access_log=None, logger=http_log())  # type: ignore[arg-type]
        self._fields = fields
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refused if there are too many, ended if it does not ask in time."""
        super().connection_made(transport)
        if len(self._manager.connections if self._manager is not None else ()) > MOST:
            self._end()
        else:
            self._deadline = asyncio.get_running_loop().call_later(HEAD_TIME, self._end_if_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It has no deadline any more."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _end_if_silent(self) -> None:
        if not self._request_count:
            self._end()

    def _end(self) -> None:
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A malformed request (400), or a bug of ours (500): logged as aiohttp does, answered as we do."""
        super().handle_error(request, status, exc, message)
        phrase = HTTPStatus(status).phrase
        response = answer(Problem(error=phrase if status >= 500 else f"{phrase}: malformed request"), status)
        response.headers.update(self._fields)
        response.force_close()
        return response
