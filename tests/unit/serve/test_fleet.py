from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from faststicky.address import Address
from faststicky.core._stats import read_service
from faststicky.model import BackendSpec, Route, ServiceSpec, TableSpec
from faststicky.serve import fleet as fleet_module
from faststicky.serve.fleet import Fleet, cause_of_death
from faststicky.serve.listeners import Listeners
from faststicky.serve.regions import Regions
from faststicky.settings import RelayOptions
from patience import seconds

PATIENCE = seconds(60.0)
TABLE = TableSpec(generation=3, services=(), routes=())


@contextlib.asynccontextmanager
async def running(workers: int = 2) -> AsyncIterator[Fleet]:
    listeners = Listeners([Address("127.0.0.1", 0)], workers)
    regions = Regions()
    fleet = Fleet(listeners, RelayOptions(), 5.0, regions, lambda _worker, _events: None)
    fleet.regions = regions  # type: ignore[attr-defined]
    fleet.address = listeners.addresses[0]  # type: ignore[attr-defined]
    fleet.start()
    try:
        yield fleet
    finally:
        await asyncio.wait_for(fleet.stop(5.0), PATIENCE)
        assert not any(region.in_use for region in regions)
        regions.close()


async def until(fleet: Fleet, condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            fleet.changed.clear()
            await fleet.changed.wait()


async def status_of(fleet: Fleet) -> bytes:
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", fleet.address.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer.split(b" ")[1]


def test_every_slot_gets_a_worker_and_every_worker_the_table():
    async def run() -> None:
        async with running() as fleet:
            assert not fleet.has_publication
            await until(fleet, lambda: len(fleet.workers) == 2)
            assert not fleet.accepting
            fleet.publish(None)
            await until(fleet, lambda: fleet.accepting)
            assert not fleet.in_force
            assert await status_of(fleet) == b"503"
            fleet.publish(TABLE)
            await until(fleet, lambda: fleet.in_force)
            assert [worker.generation for worker in fleet.workers] == [3, 3]
            assert len({worker.pid for worker in fleet.workers}) == 2
            await fleet.refresh(PATIENCE)
            assert sum(worker.stats.counters["requests"] for worker in fleet.workers) == 1
        assert fleet.workers == []
        assert fleet.restarts == 0

    asyncio.run(run())


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_turned_away(caplog):
    async def run() -> None:
        async with running(1) as fleet:
            fleet.publish(TABLE)
            await until(fleet, lambda: fleet.in_force)
            first = fleet.workers[0]
            assert await status_of(fleet) == b"404"
            await fleet.refresh(PATIENCE)
            os.kill(first.pid, signal.SIGKILL)
            assert await status_of(fleet) == b"404"  # waited in the queue for the next worker
            await until(fleet, lambda: fleet.in_force)
            assert fleet.workers[0].pid != first.pid
            assert fleet.restarts == 1
            assert fleet.past["requests"] == 1
            (region,) = fleet.regions  # its successor goes on counting where it was killed
            assert read_service(region.memory, 0)[0]["requests"] == 2

    asyncio.run(run())
    (died,) = [record for record in caplog.records if record.getMessage() == "worker died"]
    assert died.cause == "signal SIGKILL"


def table_of(generation: int, backends: int, *, sound: bool = True) -> TableSpec:
    members = tuple(
        BackendSpec(id=f"{i}", name=f"{i}", host="10.0.0.5", port=80, weight=1, state="up", cookie_value="")
        for i in range(backends)
    )
    services = tuple(
        ServiceSpec(name=name, backends=each, lookup=(), cookie=None, pass_host_header=True)
        for name, each in (("large", members), ("other", members[: generation % 7]))
    )
    nowhere = Route(name="r", rule="", service="other" if sound else "nowhere", priority=1, alternatives=())
    return TableSpec(generation=generation, services=services, routes=(nowhere,))


def test_a_worker_that_dies_while_a_table_comes_leaves_that_to_its_successor():
    async def run() -> None:
        async with running(2) as fleet:
            fleet.publish(table_of(1, 3000))
            await until(fleet, lambda: fleet.in_force)
            first, other = fleet.workers
            os.kill(first.pid, signal.SIGSTOP)
            fleet.publish(table_of(2, 3001))  # on its way
            fleet.publish(table_of(3, 3002))  # waits for an answer to that
            os.kill(first.pid, signal.SIGKILL)
            await until(fleet, lambda: [worker.generation for worker in fleet.workers] == [3, 3])
            assert fleet.workers[0].pid != first.pid
            assert fleet.workers[1] is other
            fleet.publish(table_of(4, 3000))  # upon what each of them has
            await until(fleet, lambda: [worker.generation for worker in fleet.workers] == [4, 4])
            assert fleet.restarts == 1
            await fleet.refresh(PATIENCE)
            assert {worker.stats.live["upstreams"] for worker in fleet.workers} == {3000}

    asyncio.run(run())


def test_a_table_that_is_refused_does_not_spoil_the_next(caplog):
    """Whoever refused one gets all of the next, the others what changed in between."""

    async def run() -> None:
        async with running(2) as fleet:
            fleet.publish(table_of(1, 300))
            await until(fleet, lambda: fleet.in_force)
            fleet.publish(table_of(2, 301, sound=False))
            async with asyncio.timeout(PATIENCE):
                while len(caplog.records) < 2:
                    await asyncio.sleep(0.01)
            assert [worker.generation for worker in fleet.workers] == [1, 1]
            for generation in range(3, 40):
                fleet.publish(table_of(generation, 300 + generation))
            await until(fleet, lambda: [worker.generation for worker in fleet.workers] == [39, 39])
            await fleet.refresh(PATIENCE)
            assert [worker.stats.live["upstreams"] for worker in fleet.workers] == [339, 339]
            assert [worker.stats.live["tables"] for worker in fleet.workers] == [1, 1]

    asyncio.run(run())
    (told,) = {record.getMessage() for record in caplog.records}
    assert told.startswith("worker refused the table")


def test_a_worker_that_leaves_finishes_beside_its_successor():
    async def run() -> None:
        async with running(1) as fleet:
            fleet.publish(TABLE)
            await until(fleet, lambda: fleet.in_force)
            first = fleet.workers[0]
            _, writer = await asyncio.open_connection("127.0.0.1", fleet.address.port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\n")  # under way: it holds the first worker
            while True:
                await fleet.refresh(PATIENCE)
                if first.stats.live["clients"]:
                    break
            os.kill(first.pid, signal.SIGTERM)
            await until(fleet, lambda: fleet.in_force and fleet.workers[0] is not first)
            assert fleet._retired == {first}
            assert [region.in_use for region in fleet.regions] == [True, True]  # nobody else writes to its own
            assert await status_of(fleet) == b"404"
            writer.close()
            await until(fleet, lambda: True)

    asyncio.run(run())


def test_one_that_dies_again_and_again_makes_its_successors_wait(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(fleet_module, "LAST_DELAY", 0.4)
    delays = []
    begin = Fleet._begin
    monkeypatch.setattr(
        Fleet, "_begin", lambda self, index, delay=0.0: (delays.append(delay), begin(self, index, delay))
    )

    async def run() -> None:
        async with running(1) as fleet:
            await until(fleet, lambda: fleet.restarts >= 4)

    asyncio.run(run())
    assert delays[:5] == [0.0, 0.1, 0.2, 0.4, 0.4]


def test_a_program_that_cannot_be_started_is_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    async def run() -> None:
        async with running(1):
            async with asyncio.timeout(PATIENCE):
                while len(caplog.records) < 2:
                    await asyncio.sleep(0.01)

    asyncio.run(run())
    assert {record.getMessage() for record in caplog.records} == {
        "cannot start a worker; free memory, processes or open files"
    }


def test_a_stuck_worker_is_killed(monkeypatch, caplog):
    monkeypatch.setattr(fleet_module, "STATS_INTERVAL", 0.05)

    async def run() -> None:
        async with running(1) as fleet:
            fleet.publish(TABLE)
            await until(fleet, lambda: fleet.in_force)
            first = fleet.workers[0]
            os.kill(first.pid, signal.SIGSTOP)
            await until(fleet, lambda: fleet.in_force and fleet.workers[0] is not first)

    asyncio.run(run())
    assert "worker is stuck and killed; see whether the machine is out of CPU time, else report this" in [
        record.getMessage() for record in caplog.records
    ]


@pytest.mark.parametrize("early", [True, False])
def test_stop_at_any_moment_leaves_no_process(early):
    async def run() -> list[int]:
        async with running(2) as fleet:
            if not early:
                await until(fleet, lambda: len(fleet.workers) == 2)
            return [worker.pid for worker in fleet.workers]

    for pid in asyncio.run(run()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_does_not_drain_is_killed(monkeypatch, caplog):
    monkeypatch.setattr(fleet_module, "KILL_MARGIN", 0.2)

    async def run() -> None:
        async with running(1) as fleet:
            fleet.publish(TABLE)
            await until(fleet, lambda: fleet.in_force)
            os.kill(fleet.workers[0].pid, signal.SIGSTOP)
            fleet.hurry(0.1)

    asyncio.run(run())
    assert "worker killed, it did not end within --grace; requests that take longer need a longer one" in [
        record.getMessage() for record in caplog.records
    ]


def test_causes():
    assert cause_of_death(-9) == "signal SIGKILL"
    assert cause_of_death(1) == "exit code 1"
