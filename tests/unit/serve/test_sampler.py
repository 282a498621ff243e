"""What a real relay counts is read back under its names."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from faststicky.core import Relay, _stats
from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec, TableSpec
from faststicky.serve.regions import Regions
from faststicky.serve.sampler import Sampler
from faststicky.serve.series import REST, SeriesBook
from faststicky.settings import RelayOptions

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
STEPS = ("count", "gauge", "gone", "back", "start", "stop", "rename", "wait")
IN_FLIGHT = 8 * 29  # where it is in a series


def of(service: str, name: str) -> ServiceSpec:
    backend = BackendSpec(id="t" + service, name=name, host="h", port=1, weight=1, state="up", cookie_value="")
    return ServiceSpec(name=service, backends=(backend,), lookup=(), cookie=None, pass_host_header=True)


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


@given(
    st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 5)),
        max_size=40,
    )
)
def test_what_is_kept_is_what_would_be_read(steps: list[tuple[str, int]]):
    """After whatever happens to series, workers, names and owners."""
    now, there, names = 0.0, {0, 1, 2}, ["a"] * 6
    regions = Regions()
    book = SeriesBook(regions.clear_service, regions.clear_backend, lambda: now)
    sampler = Sampler(regions, book)
    for made, (what, which) in enumerate([("start", 0), ("gauge", 0), *steps], 1):
        running = list(regions)
        if what == "start" and len(running) < 3:
            regions.acquire()
        elif what == "stop":
            regions.release(running[which % len(running)])
        elif what == "wait":
            now += REST + 1
        elif what == "rename":
            names[which] += "a"
        elif what in ("gone", "back"):
            there ^= {which}
        elif what in ("count", "gauge"):
            memory = running[which % len(running)].memory
            at = {"count": 0, "gauge": IN_FLIGHT}[what]
            memory[(which + 1) * 8192 + at] = made
            memory[_stats.SERVICES * 8192 + (which + 1) * 576 + at] = made
        book.number(TableSpec(generation=made, services=tuple(of(str(at), names[at]) for at in there), routes=()))
        assert sampler.read().services == Sampler(regions, book).read().services
    regions.close()
