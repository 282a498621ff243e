from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientSession

from faststicky.address import Address
from faststicky.errors import ConfigError
from faststicky.serve.admin import PAGE, AdminServer, application
from faststicky.serve.admin_guard import HEADERS
from unit.serve.watched import Admin, with_admin


@pytest.mark.parametrize("path", PAGE)
def test_the_page_and_its_parts(path):
    async def act(_admin, client) -> None:
        response = await client.get(path)
        assert (response.status, response.content_type) == (200, PAGE[path][1])
        assert len(await response.read()) > 100

    with_admin(act)


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/table", "/api/live", "/elsewhere"])
def test_every_answer_is_guarded(path):
    async def act(_admin, client) -> None:
        response = await client.get(path)
        for name, value in HEADERS.items():
            assert response.headers[name] == value
        assert "Access-Control-Allow-Origin" not in response.headers
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        response.close()

    with_admin(act)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading(method):
    async def act(_admin, client) -> None:
        for path in ("/", "/api/table", "/api/backends"):
            response = await client.request(method, path)
            assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD")
            assert (await response.json())["error"].startswith("Method Not Allowed")

    with_admin(act)


def test_what_is_not_there():
    async def act(_admin, client) -> None:
        response = await client.get("/elsewhere")
        assert (response.status, await response.json()) == (404, {"error": "Not Found: GET /elsewhere"})
        assert (await client.head("/ready")).status == 200

    with_admin(act)


def test_a_name_that_is_not_ours_is_refused_everywhere():
    async def act(admin, client) -> None:
        for path in ("/", "/api/table", "/ping", "/elsewhere"):
            response = await client.get(path, headers={"Host": "rebound.example:8080"})
            assert response.status == 421
            assert "--admin-host" in await response.text()
        refused = await client.post("/api/backends/t1/drain", headers={"Host": "rebound.example:8080"})
        assert refused.status == 421
        assert admin.drained == {}
        assert (await client.get("/", headers={"Host": "proxy.example"})).status == 200
        assert (await client.get("/ping", headers={"Host": socket.gethostname()})).status == 200

    with_admin(act)


def test_a_check_without_host_is_answered():
    async def act(_admin, client) -> None:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"GET /ping HTTP/1.0\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 30)
        assert answer.split(b" ")[1] == b"200"
        assert answer.endswith(b"OK")
        writer.close()
        await writer.wait_closed()

    with_admin(act)


def test_the_server_tells_its_real_port_and_stops():
    async def run() -> None:
        admin = Admin()
        server = AdminServer(Address("127.0.0.1", 0), application(admin.api))
        await server.start()
        assert server.address.port != 0
        async with ClientSession() as session, session.get(f"http://{server.address}/ping") as response:
            assert await response.text() == "OK"
        taken = AdminServer(server.address, application(admin.api))
        with pytest.raises(ConfigError, match=r"--admin: cannot listen on .*: the port is in use"):
            await taken.start()
        await server.stop()
        again = AdminServer(server.address, application(admin.api))
        await again.start()
        await again.stop()
        admin.observer.regions.close()

    asyncio.run(run())
