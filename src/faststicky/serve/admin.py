"""The admin server: health, readiness, the table and the statistics as JSON, and the page. It changes nothing.

GET /ping       200 OK, as Traefik's; for load balancers
GET /health     200 as long as the process lives
GET /ready      200 when a table is in force in every worker, else 503
GET /api/table  services, backends, routes, warnings; no key and no cookie value
GET /api/stats  counters of each worker and in total
GET /           the page
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable

import orjson
from aiohttp import web

from faststicky import __version__
from faststicky.address import Address
from faststicky.serve import status as views
from faststicky.serve.listeners import cannot_listen
from faststicky.serve.page import CONTENT_SECURITY_POLICY, page
from faststicky.serve.status import Status

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": f"faststicky/{__version__}",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_allowed_host(host: str, names: Iterable[str]) -> bool:
    """True if a Host field is an IP address, `localhost` or one of `names`, with or without port.

    A page of another site can make a browser send requests here under that site's name, by letting the name resolve to
    this address (DNS rebinding); it cannot do so under an address or a name that it does not own.
    """
    name = host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.lower().rstrip(".") in {"localhost", *(known.lower().rstrip(".") for known in names)}
    return True


def application(
    status: Callable[[], Status], names: Iterable[str] = (), refresh: Callable[[], Awaitable[None]] | None = None
) -> web.Application:
    """names: hosts by which the server may be called, besides IP addresses, localhost and this machine's name.

    refresh: awaited before the workers' numbers are shown.
    """
    known = frozenset((*names, socket.gethostname()))

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host")  # browsers always send one; a load balancer's HTTP/1.0 check may not
        if host is not None and not is_allowed_host(host, known):
            text = f"Host {host!r} is not allowed here; use an IP address, or --admin-host NAME\n"
            return web.Response(status=421, text=text)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="only GET and HEAD\n", headers={"Allow": "GET, HEAD"})
        return await handler(request)

    async def sign(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    async def ping(_request: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def health(_request: web.Request) -> web.Response:
        return _json({"status": "OK", "version": __version__})

    async def ready(_request: web.Request) -> web.Response:
        current = status()
        return _json(views.readiness(current), 200 if current.ready else 503)

    async def table(_request: web.Request) -> web.Response:
        return _json(views.table(status()))

    async def stats(_request: web.Request) -> web.Response:
        if refresh is not None:
            await refresh()
        return _json(views.stats(status()))

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=page(status()), content_type="text/html")

    app = web.Application(middlewares=[guard])
    app.on_response_prepare.append(sign)
    routes = {"/ping": ping, "/health": health, "/ready": ready, "/api/table": table, "/api/stats": stats, "/": index}
    for path, handler in routes.items():
        app.router.add_get(path, handler)
    return app


def _json(value: object, code: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE), status=code, content_type="application/json"
    )


class AdminServer:
    """The application on its own socket. `address` is the real one (port 0 resolved)."""

    def __init__(self, address: Address, app: web.Application) -> None:
        self.address = address
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)

    async def start(self) -> None:
        """Raises ConfigError when the address cannot be listened on."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address.host, self.address.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise cannot_listen(self.address, error, "--admin") from error
        self.address = Address(self.address.host, self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Answers under way are finished first, for a second at most."""
        await self._runner.cleanup()
