"""What a real relay counts is read back under its names."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from faststicky.core import Relay
from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec, TableSpec
from faststicky.serve.regions import Regions
from faststicky.serve.sampler import Sampler
from faststicky.serve.series import SeriesBook
from faststicky.settings import RelayOptions

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readline():
        while await reader.readline() not in (b"\r\n", b""):
            pass
        writer.write(ANSWER)
    writer.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_it_reads_what_the_relays_counted(workers):
    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        backend = BackendSpec(
            id="t1", name="web.1@node1", host="127.0.0.1", port=port, weight=1, state="up", cookie_value="v"
        )
        service = ServiceSpec(
            name="web",
            backends=(backend,),
            lookup=(("v", 0, "task"),),
            cookie=CookiePolicy(name="c"),
            pass_host_header=True,
        )
        every = ((Matcher(kind="path_prefix", values=("/",)),),)
        route = Route(name="r", rule="", service="web", priority=1, alternatives=every)
        regions = Regions()
        book = SeriesBook(regions.clear_service, regions.clear_backend)
        table = book.number(TableSpec(generation=1, services=(service,), routes=(route,)))
        sampler = Sampler(regions, book)
        before = sampler.read()
        relays = []
        for number in range(workers):
            relay = Relay(loop, RelayOptions(), region=regions.acquire().memory)
            relay.publish(table)
            relays.append(relay)
            front = await loop.create_server(relay.client, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*front.sockets[0].getsockname())
            for cookie in (b"", b"Cookie: c=v\r\n"):
                request = b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: u%d\r\n" % number
                writer.write(request + cookie + b"\r\n")
                await asyncio.wait_for(reader.readuntil(b"hi"), 30)
            writer.close()
            front.close()
        part = sampler.read().since(before)
        web = part.services["web"]
        assert (web.numbers.requests, part.whole.numbers.requests) == (2 * workers, 2 * workers)
        assert (web.numbers.outcomes["new"], web.numbers.outcomes["hit"]) == (workers, workers)
        assert web.first_byte.count == web.total.count == 2 * workers
        assert web.tasks["t1"].name == "web.1@node1"
        assert web.tasks["t1"].numbers.requests == 2 * workers
        assert web.tasks["t1"].numbers.sessions() == workers
        assert part.whole.numbers.in_flight == 0
        one, other = sampler.read(), sampler.read()
        assert one.services["web"] is other.services["web"]
        assert other.since(one).services["web"].numbers.is_silent
        assert one.services["web"] is not before.services["web"]
        for relay in relays:
            relay.close()
        server.close()
        await asyncio.sleep(0.05)

    uvloop.run(run())
