from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from aiohttp import web

from faststicky.address import Address
from faststicky.errors import ConfigError
from faststicky.serve import http_server
from faststicky.serve.admin import AdminServer, application
from faststicky.serve.admin_guard import HEADERS
from faststicky.serve.feed_server import HEADERS as OF_FEED
from faststicky.serve.feed_server import FeedServer
from faststicky.serve.http_server import HttpServer, answer, sign
from patience import seconds
from unit.serve.watched import Admin

PATIENCE = seconds(60.0)
MALFORMED = [
    b"nonsense\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
]


async def told(server: HttpServer, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, fields by lower-case name, and body, on a connection that the server closes."""
    reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
    writer.write(request)
    data = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    await writer.wait_closed()
    head, _, body = data.partition(b"\r\n\r\n")
    start, *fields = head.decode("latin-1").split("\r\n")
    found = dict(field.split(": ", 1) for field in fields)
    assert len(found) == len(fields), fields
    return int(start.split()[1]), {name.lower(): value for name, value in found.items()}, body


async def with_server(server: HttpServer, request: bytes) -> tuple[int, dict[str, str], bytes]:
    await server.start()
    try:
        return await told(server, request)
    finally:
        await server.stop()


@pytest.mark.parametrize("request_bytes", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_no_request_is_answered_as_everything_else(request_bytes: bytes) -> None:
    async def run() -> None:
        admin = Admin()
        server = AdminServer(Address("127.0.0.1", 0), application(admin.api))
        status, fields, body = await with_server(server, request_bytes)
        admin.observer.regions.close()
        assert 400 <= status < 500
        assert {name: fields[name.lower()] for name in HEADERS} == HEADERS
        assert fields["content-type"] == "application/json"
        assert json.loads(body) == {"error": "Bad Request: malformed request"}

    asyncio.run(run())


@pytest.mark.parametrize("request_bytes", [MALFORMED[0], b"GET / HTTP/1.0\r\n\r\n"], ids=["malformed", "not there"])
def test_the_feed_does_not_name_its_library_either(request_bytes: bytes) -> None:
    async def run() -> None:
        status, fields, body = await with_server(FeedServer(Address("127.0.0.1", 0), (), lambda: ""), request_bytes)
        assert 400 <= status < 500
        assert {name: fields[name.lower()] for name in OF_FEED} == OF_FEED
        assert b"aiohttp" not in body

    asyncio.run(run())


@pytest.mark.parametrize("begun", [b"", b"GET /health HTTP/1.1\r\nHos"])
def test_who_does_not_ask_is_ended_and_who_did_stays(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(http_server, "HEAD_TIME", 0.3)

    async def run() -> None:
        admin = Admin()
        admin.observer.start()
        server = AdminServer(Address("127.0.0.1", 0), application(admin.api))
        await server.start()
        listening, told = await asyncio.open_connection(server.address.host, server.address.port)
        told.write(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await asyncio.wait_for(listening.readuntil(b"event: numbers"), PATIENCE)
        silent, writer = await asyncio.open_connection(server.address.host, server.address.port)
        writer.write(begun)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(silent.read(), PATIENCE) == b""
        admin.observer.feed.send("event", {})
        await asyncio.wait_for(listening.readuntil(b"event: event"), PATIENCE)
        writer.close()
        told.close()
        admin.observer.feed.close()
        await server.stop()
        admin.observer.finish()

    asyncio.run(run())


def test_too_many_connections_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MOST", 3)

    async def run() -> None:
        admin = Admin()
        server = AdminServer(Address("127.0.0.1", 0), application(admin.api))
        await server.start()
        some = [await asyncio.open_connection(server.address.host, server.address.port) for _ in range(3)]
        reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        some.pop()[1].close()
        await asyncio.sleep(0)
        while True:  # as soon as the server has seen that one of them is gone
            with contextlib.suppress(ConnectionResetError, IndexError):  # it was refused
                status, _, _ = await told(
                    server, b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
                )
                assert status == 200
                break
        for _, one in [*some, (reader, writer)]:
            one.close()
        await asyncio.gather(*(one.wait_closed() for _, one in [*some, (reader, writer)]), return_exceptions=True)
        await server.stop()
        admin.observer.regions.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


def test_a_bug_of_ours_is_told_without_details() -> None:
    async def broken(_request: web.Request) -> web.Response:
        raise ZeroDivisionError("a secret")

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/broken", broken)
        server = HttpServer(Address("127.0.0.1", 0), app, "--x", {"Server": "us"})
        status, fields, body = await with_server(server, b"GET /broken HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (status, fields["server"]) == (500, "us")
        assert json.loads(body) == {"error": "Internal Server Error"}

    asyncio.run(run())


def test_the_applications_answers_are_signed_and_the_address_is_freed() -> None:
    async def fine(_request: web.Request) -> web.Response:
        return answer({"a": 1}, 201)

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/", fine)
        app.on_response_prepare.append(sign({"Server": "us"}))
        server = HttpServer(Address("127.0.0.1", 0), app, "--x", {})
        await server.start()
        assert server.address.port != 0
        status, fields, body = await told(server, b"GET / HTTP/1.0\r\n\r\n")
        assert (status, fields["server"], body) == (201, "us", b'{"a":1}\n')
        with pytest.raises(ConfigError, match=r"--x: cannot listen on .*: the port is in use"):
            await HttpServer(server.address, web.Application(), "--x", {}).start()
        await server.stop()
        again = HttpServer(server.address, web.Application(), "--x", {})
        await again.start()
        await again.stop()

    asyncio.run(run())
