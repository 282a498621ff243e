"""Checks that are really made, against servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiohttp import web

from faststicky.control.health import Target
from faststicky.model import HealthCheck
from faststicky.serve import health_checks
from faststicky.serve.health_checks import HealthChecks
from patience import seconds

PATIENCE = seconds(60.0)


class Application:
    """Counts its checks; answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[web.Request] = []
        self.status = 200
        self.delay = 0.0
        self.at_once = self.most_at_once = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.at_once -= 1
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    @contextlib.asynccontextmanager
    async def serving(self):
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


class Results:
    def __init__(self, waits: bool = False) -> None:
        self.all: list[tuple[str, str]] = []
        self._waits = waits
        self._news = asyncio.Event()

    def record(self, target: Target, problem: str) -> bool:
        self.all.append((target.key[1], problem))
        self._news.set()
        return self._waits

    async def count(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.all) < number:
                self._news.clear()
                await self._news.wait()


def target(port: int, ident: str = "a", **check: object) -> Target:
    fields = {"path": "/health", "interval": 3600.0, **check}
    return Target(("web", ident), ident, "127.0.0.1", port, HealthCheck(**fields))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def checking(results: Results):
    checks = HealthChecks(results.record)
    try:
        yield checks
    finally:
        await checks.stop()


async def one(target: Target) -> str:
    results = Results()
    async with checking(results) as checks:
        checks.follow([target])
        await results.count(1)
    return results.all[0][1]


def test_what_is_asked():
    async def run() -> None:
        app = Application()
        async with app.serving() as port:
            assert await one(target(port, path="/a%2Fb?x=%20")) == ""
            assert await one(target(port, host="www.example.com")) == ""
            first, second = app.requests
            assert (first.method, first.raw_path) == ("GET", "/a%2Fb?x=%20")
            assert first.headers["Host"] == f"127.0.0.1:{port}"
            assert second.headers["Host"] == "www.example.com"
            assert "faststicky" in first.headers["User-Agent"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "ranges", "problem"),
    [
        (200, ((200, 399),), ""),
        (302, ((200, 399),), ""),
        (302, ((200, 299),), "302"),
        (503, ((200, 399),), "503"),
        (404, ((200, 299), (404, 404)), ""),
    ],
)
def test_which_answers_are_good_and_redirects_are_not_followed(status, ranges, problem):
    async def run() -> None:
        app = Application()
        app.status = status
        async with app.serving() as port:
            assert await one(target(port, status=ranges)) == problem
            assert len(app.requests) == 1

    asyncio.run(run())


@contextlib.asynccontextmanager
async def saying(words: bytes):
    """A server that says this to everybody and then waits."""
    writers = []

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(words)

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()


def test_no_answer():
    async def run() -> None:
        async with saying(b"") as port:
            assert await one(target(port, timeout=0.2)) == "no answer within 0.2 s"
        assert await one(target(port)) == "Connection refused"
        async with saying(b"220 mail.example ESMTP\r\n\r\n") as port:
            assert (await one(target(port))).startswith("no usable answer")

    asyncio.run(run())


def test_it_goes_on_and_a_change_of_others_does_not_disturb():
    async def run() -> None:
        app, results = Application(), Results()
        async with app.serving() as port, checking(results) as checks:
            slow, quick = target(port, "slow"), target(port, "quick", interval=0.1)
            checks.follow([slow, quick])
            await results.count(4)
            for _ in range(20):  # tables that change
                checks.follow([slow, quick, target(port, "other")])
                checks.follow([slow, quick])
            await results.count(len(results.all) + 3)
            assert [ident for ident, _ in results.all].count("slow") == 1
            checks.follow([slow])
            await asyncio.sleep(0.3)
            before = len(app.requests)
            await asyncio.sleep(0.5)
            assert len(app.requests) == before

    asyncio.run(run())


def test_who_waits_for_its_first_success_is_asked_soon(monkeypatch):
    monkeypatch.setattr(health_checks, "AWAITED", 0.05)

    async def run() -> None:
        results = Results(waits=True)
        app = Application()
        async with app.serving() as port, checking(results) as checks:
            checks.follow([target(port, interval=3600.0)])
            await results.count(3)

    asyncio.run(run())


def test_many_are_not_asked_all_at_once(monkeypatch):
    monkeypatch.setattr(health_checks, "AT_ONCE", 5)

    async def run() -> None:
        results = Results()
        app = Application()
        app.delay = 0.02
        async with app.serving() as port, checking(results) as checks:
            checks.follow([target(port, str(number)) for number in range(40)])
            await results.count(40)
        assert app.most_at_once == 5
        assert {problem for _, problem in results.all} == {""}

    asyncio.run(run())
