"""The routing table: lookups, the balancer, building and swapping, by number of backends."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import uvloop

from faststicky.core import Relay, Table
from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec, TableSpec
from faststicky.serve.assembly import steps
from faststicky.serve.publication import messages
from faststicky.settings import RelayOptions

SIZES = (10, 1000, 10_000, 100_000)


def spec(count: int, generation: int = 1) -> TableSpec:
    """One sticky service; every backend has a value for its task and one for its slot."""
    backends = tuple(
        BackendSpec(
            id=f"task{i:08}", name=f"web.{i}", host=f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", port=8000, weight=1, state="up",
            cookie_value=f"{i:016x}{i:016x}",
        )
        for i in range(count)
    )  # fmt: skip
    lookup = tuple((f"{i:016x}", i, kind) for i in range(count) for kind in ("task",)) + tuple(
        (f"f{i:015x}", i, "slot") for i in range(count)
    )
    service = ServiceSpec(
        name="web", backends=backends, lookup=lookup, cookie=CookiePolicy(name="stick"), pass_host_header=True
    )
    route = Route(
        name="r", rule="PathPrefix(`/`)", service="web", priority=1, alternatives=((Matcher("path_prefix", ("/",)),),)
    )
    return TableSpec(generation=generation, services=(service,), routes=(route,))


@pytest.fixture(params=SIZES, ids="{} backends".format)
def count(request: Any) -> int:
    """Number of backends."""
    return int(request.param)


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay on a loop that does not run."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    relay = Relay(loop, RelayOptions())
    yield relay
    relay.close()
    loop.close()


def test_lookup(benchmark: Any, count: int) -> None:
    benchmark.group = "cookie value to backend"
    table = Table(spec(count))
    value = f"{count - 1:016x}".encode()
    assert benchmark(table.find, "web", value) == (f"task{count - 1:08}", "task")


def test_balancer(benchmark: Any, count: int) -> None:
    benchmark.group = "next new session"
    assert benchmark(Table(spec(count)).choose, "web").startswith("task")


def test_build(benchmark: Any, count: int) -> None:
    benchmark.group = "build a table"
    made = spec(count)
    assert benchmark.pedantic(Table, (made,), rounds=5, iterations=1).generation == 1


def test_swap(benchmark: Any, count: int, relay: Relay) -> None:
    """All of it new, without pauses: building, upstreams taken over, swap, what is gone."""
    benchmark.group = "publish a table"
    both = [spec(count, generation) for generation in (1, 2)]
    relay.publish(both[0])
    turns = itertools.cycle(both)
    benchmark.pedantic(lambda: relay.publish(next(turns)), rounds=5, iterations=1)


def test_change(benchmark: Any, count: int, relay: Relay) -> None:
    """One backend changed: all that a worker does for it, without pauses."""
    benchmark.group = "publish a change of one backend"
    first = spec(count)
    backends = first.services[0].backends
    drained = msgspec.structs.replace(backends[count // 2], state="draining")
    service = msgspec.structs.replace(
        first.services[0], backends=(*backends[: count // 2], drained, *backends[count // 2 + 1 :])
    )
    second = msgspec.structs.replace(first, services=(service,), generation=2)
    relay.publish(first)
    turns = itertools.cycle([list(messages(first, second)), list(messages(second, first))])

    def publish() -> None:
        builder = relay.builder(1)
        for piece in next(turns):
            for _ in steps(builder, piece):
                pass

    benchmark.pedantic(publish, rounds=6, iterations=1)
