"""Tables from pieces beside the traffic of a loop; what requests see of it is in tests/relay/test_publishing.py."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
import uvloop

from faststicky.core import Relay
from faststicky.model import BackendSpec, CookiePolicy, Route, ServiceSpec, TableSpec
from faststicky.serve import assembly as assembly_module
from faststicky.serve.assembly import Assembly
from faststicky.serve.channel import Acknowledged, BeginTable, EndTable, Rejected
from faststicky.serve.publication import messages
from faststicky.settings import RelayOptions


def spec(generation: int, count: int, first: int = 0, **more: Any) -> TableSpec:
    backends = tuple(
        BackendSpec(id=f"{i}", name=f"{i}", host="10.0.0.5", port=80, weight=1, state="up", cookie_value=f"t{i}")
        for i in range(first, first + count)
    )
    lookup = tuple((backend.cookie_value, at, "task") for at, backend in enumerate(backends))
    service = ServiceSpec(
        name="web", backends=backends, lookup=lookup, cookie=CookiePolicy(name="s"), pass_host_header=True, **more
    )
    route = Route(name="r", rule="", service="web", priority=1, alternatives=((),))
    return TableSpec(generation=generation, services=(service,), routes=(route,))


class World:
    def __init__(self) -> None:
        self.relay = Relay(asyncio.get_running_loop(), RelayOptions())
        self.assembly = Assembly(self.relay)
        self.before: TableSpec | None = None
        self._others = self.relay.live()["tables"]  # of this process

    def state(self) -> tuple[int, int, int]:
        """Generation in force, upstreams, tables."""
        live = self.relay.live()
        return self.relay.generation, live["upstreams"], live["tables"] - self._others

    async def publish(self, table: TableSpec) -> object:
        answers = [await self.assembly.take(piece) for piece in messages(self.before, table)]
        assert answers[:-1] == [None] * (len(answers) - 1)
        if isinstance(answers[-1], Acknowledged):
            self.before = table
        return answers[-1]


@pytest.fixture
def world() -> Iterator[Any]:
    """Runs a test's coroutine with a World."""

    def run(act: Any) -> None:
        async def whole() -> None:
            found = World()
            await act(found)
            found.relay.close()

        uvloop.run(whole())

    return run  # type: ignore[return-value]


async def turns_of(work: Coroutine[Any, Any, object]) -> tuple[object, int]:
    """Its result, and how often others had their turn meanwhile."""
    count = 0

    def turn() -> None:
        nonlocal count, handle
        count += 1
        handle = loop.call_soon(turn)

    loop = asyncio.get_running_loop()
    handle = loop.call_soon(turn)
    result = await work
    handle.cancel()
    return result, count


def test_one_table_after_the_other(world: Any) -> None:
    async def act(found: World) -> None:
        for generation, (count, first) in enumerate(((3, 0), (3, 1), (0, 0), (2, 9)), 1):
            assert await found.publish(spec(generation, count, first)) == Acknowledged(generation=generation)
            assert found.state() == (generation, count, 1)

    world(act)


@pytest.mark.parametrize("hurried", [True, False])
def test_others_have_their_turn_while_a_large_one_comes(world: Any, hurried: bool, monkeypatch: Any) -> None:
    pauses = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(assembly_module.asyncio, "sleep", note)

    async def act(found: World) -> None:
        found.assembly.hurried = hurried
        answer, turns = await turns_of(found.publish(spec(1, 5000)))
        assert answer == Acknowledged(generation=1)
        assert turns >= len(pauses) > 20
        assert set(pauses) == {0 if hurried else assembly_module.PAUSE}
        pauses.clear()
        changed = spec(2, 5000, hold=3.0)
        answer, _ = await turns_of(found.publish(changed))
        assert answer == Acknowledged(generation=2)
        assert len(pauses) < 20  # no backend is new
        assert found.state() == (2, 5000, 1)

    world(act)


def test_what_is_wrong_with_a_table_costs_nothing_but_that_table(world: Any) -> None:
    async def act(found: World) -> None:
        await found.publish(spec(1, 2))
        good = spec(2, 3)
        bad = TableSpec(generation=2, services=good.services, routes=(*good.routes, Route(
            name="x", rule="", service="nowhere", priority=1, alternatives=((),)
        )))  # fmt: skip
        answer = await found.publish(bad)
        assert isinstance(answer, Rejected)
        assert (answer.generation, answer.error.startswith("ValueError: route 'x'")) == (2, True)
        assert found.state() == (1, 2, 1)
        assert await found.publish(spec(3, 3)) == Acknowledged(generation=3)

    world(act)


def test_upon_another_table_than_the_one_in_force(world: Any) -> None:
    async def act(found: World) -> None:
        await found.publish(spec(1, 2))
        found.before = spec(7, 2)
        answer = await found.publish(spec(8, 3))
        assert answer == Rejected(generation=8, error="ValueError: it builds upon generation 7, not 1")
        found.before = None
        assert await found.publish(spec(9, 3)) == Acknowledged(generation=9)

    world(act)


def test_one_that_does_not_come_to_its_end_is_given_up(world: Any) -> None:
    async def act(found: World) -> None:
        await found.publish(spec(1, 2))
        for piece in list(messages(None, spec(2, 50, 10)))[:3]:
            await found.assembly.take(piece)
        assert found.state() == (1, 52, 2)
        assert await found.assembly.take(BeginTable(generation=3, base=1)) is None
        assert await found.assembly.take(EndTable()) == Acknowledged(generation=3)
        assert found.state() == (3, 2, 1)

    world(act)
