"""The admin server: health, the API (api.py), the page (web/)."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable
from importlib import resources

from aiohttp import web

from faststicky.address import Address
from faststicky.serve.admin_guard import HEADERS, is_allowed_host
from faststicky.serve.api import Api
from faststicky.serve.api_types import Problem
from faststicky.serve.http_server import HttpServer, answer, sign

PAGE = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/view.js": ("view.js", "text/javascript"),
    "/chart.js": ("chart.js", "text/javascript"),
    "/events.js": ("events.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(api: Api, names: Iterable[str] = ()) -> web.Application:
    """names: hosts by which the server may be called, besides IP addresses, localhost and this machine's name."""
    known = frozenset((*names, socket.gethostname()))

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host")  # browsers always send one; a load balancer's HTTP/1.0 check may not
        if host is not None and not is_allowed_host(host, known):
            return answer(
                Problem(error=f"Host {host!r} is not allowed here; use an IP address, or --admin-host NAME"), 421
            )
        try:
            return await handler(request)
        except web.HTTPException as error:
            response = answer(Problem(error=f"{error.reason}: {request.method} {request.path}"), error.status)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
            return response

    app = web.Application(middlewares=[guard], client_max_size=4096)
    app.on_response_prepare.append(sign(HEADERS))
    app.router.add_routes(api.routes())
    for path, (name, kind) in PAGE.items():
        app.router.add_get(path, _file(name, kind))
    return app


def _file(name: str, kind: str) -> Handler:
    body = resources.files("faststicky.serve").joinpath("web", name).read_bytes()

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return serve


class AdminServer(HttpServer):
    """The application on its own socket."""

    def __init__(self, address: Address, app: web.Application) -> None:
        super().__init__(address, app, "--admin", HEADERS)
