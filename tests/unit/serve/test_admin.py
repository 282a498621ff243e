from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from faststicky.address import Address
from faststicky.errors import ConfigError
from faststicky.serve.admin import AdminServer, application, is_allowed_host
from faststicky.serve.page import CONTENT_SECURITY_POLICY
from faststicky.serve.status import Status

STATUS = Status(
    version="1.0",
    uptime=1.0,
    listen=("127.0.0.1:80",),
    ready=True,
    generation=1,
    age=0.0,
    error="",
    snapshot=None,
    workers=(),
    restarts=0,
    past_counters={},
)


def with_client(act: Callable[[TestClient], Awaitable[None]], **changes: object) -> None:
    async def run() -> None:
        app = application(lambda: msgspec.structs.replace(STATUS, **changes), ["proxy.example"])
        async with TestClient(TestServer(app)) as client:
            await act(client)

    asyncio.run(run())


def test_the_answers():
    async def act(client: TestClient) -> None:
        assert await (await client.get("/ping")).text() == "OK"
        assert (await (await client.get("/health")).json())["status"] == "OK"
        assert (await (await client.get("/ready")).json())["ready"] is True
        assert (await (await client.get("/api/table")).json())["listen"] == ["127.0.0.1:80"]
        assert (await (await client.get("/api/stats")).json())["total"] == {"counters": {}, "live": {}}
        response = await client.get("/")
        assert response.content_type == "text/html"
        assert "faststicky" in await response.text()
        assert (await client.head("/ready")).status == 200
        assert (await client.get("/elsewhere")).status == 404

    with_client(act)


def test_not_ready_is_503_but_alive():
    async def act(client: TestClient) -> None:
        response = await client.get("/ready")
        assert (response.status, (await response.json())["error"]) == (503, "away")
        assert (await client.get("/health")).status == 200

    with_client(act, ready=False, error="away")


@pytest.mark.parametrize("path", ["/", "/api/table", "/elsewhere"])
def test_every_answer_is_guarded(path):
    async def act(client: TestClient) -> None:
        headers = (await client.get(path)).headers
        assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"].startswith("faststicky/")

    with_client(act)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading(method):
    async def act(client: TestClient) -> None:
        for path in ("/", "/api/table"):
            response = await client.request(method, path)
            assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")

    with_client(act)


def test_a_name_that_is_not_ours_is_refused_everywhere():
    async def act(client: TestClient) -> None:
        for path in ("/", "/api/table", "/ping", "/elsewhere"):
            response = await client.get(path, headers={"Host": "rebound.example:8080"})
            assert response.status == 421
            assert "--admin-host" in await response.text()
        assert (await client.get("/", headers={"Host": "proxy.example"})).status == 200

    with_client(act)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("192.168.0.100:9090", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("Proxy.Example:1", True),
        ("proxy.example.", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("proxy.example.evil", False),
        ("", False),
        ("[evil]", False),
    ],
)
def test_hosts(host, allowed):
    assert is_allowed_host(host, ["proxy.example"]) is allowed


def test_a_check_without_host_is_answered():
    async def act(client: TestClient) -> None:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"GET /ping HTTP/1.0\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 30)
        assert answer.split(b" ")[1] == b"200"
        assert answer.endswith(b"OK")
        writer.close()
        await writer.wait_closed()

    with_client(act)


def test_this_machines_name_is_ours():
    async def act(client: TestClient) -> None:
        assert (await client.get("/ping", headers={"Host": socket.gethostname()})).status == 200

    with_client(act)


def test_the_server_tells_its_real_port_and_stops():
    async def run() -> None:
        server = AdminServer(Address("127.0.0.1", 0), application(lambda: STATUS))
        await server.start()
        assert server.address.port != 0
        async with ClientSession() as session, session.get(f"http://{server.address}/ping") as response:
            assert await response.text() == "OK"
        taken = AdminServer(server.address, application(lambda: STATUS))
        with pytest.raises(ConfigError, match=r"--admin: cannot listen on .*: the port is in use"):
            await taken.start()
        await server.stop()
        again = AdminServer(server.address, application(lambda: STATUS))
        await again.start()
        await again.stop()

    asyncio.run(run())
