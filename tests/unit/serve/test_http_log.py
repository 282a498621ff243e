from __future__ import annotations

import asyncio
import logging

from aiohttp import web

from faststicky.address import Address
from faststicky.serve.admin import AdminServer
from faststicky.serve.http_log import http_log


def test_there_is_one_with_one_filter():
    assert http_log() is http_log()
    assert len(http_log().filters) == 1


def answers(caplog, request: bytes) -> bytes:
    """What a server with one broken page answers, as it is used."""

    async def broken(_request: web.Request) -> web.Response:
        raise ZeroDivisionError

    async def run() -> bytes:
        app = web.Application()
        app.router.add_get("/broken", broken)
        server = AdminServer(Address("127.0.0.1", 0), app)
        await server.start()
        reader, writer = await asyncio.open_connection(server.address.host, server.address.port)
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        await server.stop()
        return answer

    with caplog.at_level(logging.INFO):
        return asyncio.run(run())


def test_a_client_that_speaks_no_http_is_told_in_one_line(caplog):
    assert answers(caplog, b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n").startswith(b"HTTP/1.0 400")
    (record,) = (one for one in caplog.records if one.name == "faststicky.serve.http")
    assert (record.levelname, record.exc_info, record.client) == ("INFO", None, "127.0.0.1")
    assert "\n" not in record.error
    assert "Invalid header value" in record.error


def test_a_bug_of_ours_keeps_its_traceback(caplog):
    assert answers(caplog, b"GET /broken HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 500")
    (record,) = (one for one in caplog.records if one.name == "faststicky.serve.http")
    assert record.levelname == "ERROR"
    assert record.exc_info[0] is ZeroDivisionError
    assert record.remedy == "report this"
