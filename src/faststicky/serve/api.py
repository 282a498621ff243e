"""The admin API's answers. What each looks like is in api_types.py, the description of all in openapi.py."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from faststicky import __version__
from faststicky.model import Snapshot
from faststicky.serve import status as views
from faststicky.serve.admin_guard import refusal
from faststicky.serve.api_types import (
    Backends,
    Draining,
    Event,
    Events,
    Health,
    Problem,
    Readiness,
    Routes,
    Services,
    Sessions,
)
from faststicky.serve.feed import message
from faststicky.serve.http_server import answer
from faststicky.serve.observer import Observer
from faststicky.serve.openapi import description
from faststicky.serve.status import Status

log = logging.getLogger(__name__)

SLOW_READER = 15.0  # seconds that a listener of live events may take for one message

_encode = msgspec.json.encode


class Api:
    """The handlers, and what they answer from."""

    def __init__(
        self,
        status: Callable[[], Status],
        observer: Observer,
        *,
        refresh: Callable[[], Awaitable[None]],
        drain: Callable[[dict[str, str], bool], Awaitable[None]],
        token: str = "",
        ready_max_age: float = 0.0,
    ) -> None:
        """refresh: awaited before the workers' numbers are shown. drain: told names by ID, and whether to undo."""
        self._status = status
        self._observer = observer
        self._refresh = refresh
        self._drain = drain
        self._token = token
        self._ready_max_age = ready_max_age

    def routes(self) -> list[web.RouteDef]:
        """All of the API."""
        return [
            web.get("/ping", self.ping),
            web.get("/health", self.health),
            web.get("/ready", self.ready),
            web.get("/api/services", self.services),
            web.get("/api/backends", self.backends),
            web.get("/api/routes", self.routing),
            web.get("/api/sessions", self.sessions),
            web.get("/api/table", self.table),
            web.get("/api/stats", self.stats),
            web.get("/api/events", self.events),
            web.get("/api/live", self.live),
            web.get("/api/openapi.json", self.openapi),
            web.post("/api/backends/{name}/drain", self.drain),
            web.delete("/api/backends/{name}/drain", self.drain),
        ]

    async def ping(self, _request: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def health(self, _request: web.Request) -> web.Response:
        return answer(Health(status="OK", version=__version__))

    async def ready(self, _request: web.Request) -> web.Response:
        status = self._status()
        shown = views.readiness(status)
        limit = self._ready_max_age
        fresh = not limit or (status.age is not None and status.age <= limit)
        shown["ready"] = status.ready and fresh
        return answer(msgspec.convert(shown, Readiness), 200 if shown["ready"] else 503)

    async def services(self, _request: web.Request) -> web.Response:
        board = self._observer.board()
        return answer(Services(generation=board.generation, services=board.services()))

    async def backends(self, _request: web.Request) -> web.Response:
        board = self._observer.board()
        return answer(Backends(generation=board.generation, backends=board.backends()))

    async def routing(self, _request: web.Request) -> web.Response:
        board = self._observer.board()
        return answer(Routes(generation=board.generation, routes=board.routes()))

    async def sessions(self, _request: web.Request) -> web.Response:
        return answer(Sessions(services=self._observer.board().sessions()))

    async def table(self, _request: web.Request) -> web.Response:
        return answer(views.table(self._status()))

    async def stats(self, _request: web.Request) -> web.Response:
        await self._refresh()
        return answer({**views.stats(self._status()), "lost_lines": self._observer.lost_lines})

    async def events(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 18):
            return answer(Problem(error=f"after={after!r} is not the id of an event"), 400)
        return answer(Events(events=[Event(**event) for event in self._observer.recent.events(int(after))]))

    async def openapi(self, _request: web.Request) -> web.Response:
        return answer(description())

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Until the client goes, the proxy stops, or the client takes too long to read."""
        headers = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return web.Response(headers=headers)
        feed, observer = self._observer.feed, self._observer
        listener = feed.join()
        if listener is None:
            return answer(Problem(error="too many listen already; close a page or a `faststicky top`"), 503)
        response = web.StreamResponse(headers=headers)
        try:
            await response.prepare(request)
            numbers = observer.numbers(changed_only=False)
            first = (("state", observer.state()), ("history", observer.history()), ("numbers", numbers))
            data: bytes | None = b"".join(message(kind, content) for kind, content in first)
            while data is not None:
                async with asyncio.timeout(SLOW_READER):
                    await response.write(data)
                data = await listener.next()
        except ConnectionError:
            pass
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # closing it would wait for what is not read, for as long as the client likes
        finally:
            feed.leave(listener)
        return response

    async def drain(self, request: web.Request) -> web.Response:
        """POST: drain. DELETE: undo it."""
        if (refused := refusal(request, self._token)) is not None:
            response = answer(Problem(error=refused[1]), refused[0])
            if refused[0] == 401:
                response.headers["WWW-Authenticate"] = 'Bearer realm="faststicky"'
            return response
        name, undo = request.match_info["name"], request.method == "DELETE"
        snapshot = self._status().snapshot
        found = named(snapshot, name) if snapshot else {}
        if not found:
            return answer(Problem(error=f"no backend is called {name!r}; /api/backends lists them"), 404)
        kept = True
        try:
            await self._drain(found, undo)
        except OSError as error:
            kept = False
            log.warning(
                "draining is in force, but will not survive a restart; mend --state-dir", extra={"error": str(error)}
            )
        what = "backend takes new sessions again" if undo else "backend is drained by an operator"
        for shown in found.values():
            log.info(what, extra={"backend": shown, "client": request.remote or ""})
        return answer(Draining(drained=not undo, backends=sorted(found.values()), kept=kept))


def named(snapshot: Snapshot, name: str) -> dict[str, str]:
    """Backends (names by ID) whose ID or name is `name`; "web.3" also means "web.3@node2"."""
    every = {backend.id: backend.name for service in snapshot.services for backend in service.backends}
    if name in every:
        return {name: every[name]}
    exact = {ident: shown for ident, shown in every.items() if shown == name}
    return exact or {ident: shown for ident, shown in every.items() if shown.partition("@")[0] == name}
