"""What a new table costs the traffic of a worker.

usage: python bench/publish_pause.py [--rounds 15] [--only NAME] [--rate 1500 --seconds 10 --all --first]

A fleet of one worker gets tables as the control thread makes them: of every change, the services that did not change are the
same objects. Each change replaces one task: one backend goes, another comes. The worker's loop has a callback in every turn,
which takes the CPU time since the turn before: the longest while a table is put in force is the pause that users notice, and
does not depend on what else the machine does. The CPU time that a table costs the worker is taken without that callback.
Prints one JSON object; medians.

With --rate, an open loop asks below capacity for some seconds with a new table every second (one service of 10,000
backends, one of which is replaced; --all: all of them), and for as long without, in turn. --first lets worker, backend and
generator go before everything else (SCHED_RR; needs root), on a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import mmap
import os
import socket
import statistics
import struct
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from faststicky.address import Address
from faststicky.bench.child import Child
from faststicky.bench.crew import run_plan
from faststicky.bench.plan import Plan, Target
from faststicky.bench.result import Result
from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec, TableSpec
from faststicky.serve.fleet import Fleet
from faststicky.serve.listeners import Listeners
from faststicky.serve.regions import Regions
from faststicky.serve.series import SeriesBook
from faststicky.serve.worker import serve
from faststicky.settings import RelayOptions

SCENARIOS = {
    "500 services, 10,000 tasks, one replaced": (500, 20, False),
    "one service of 10,000, one replaced": (1, 10_000, False),
    "one service of 100,000, one replaced": (1, 100_000, False),
    "one service of 10,000, all of them new": (1, 10_000, True),
}
AFTER = 0.3  # seconds after the acknowledgement that still count: what is gone is put away
LONGEST = struct.Struct("d")  # seconds of CPU time, in a file that the worker and this process map


class World:
    """Tables, each with one task replaced, or all of them."""

    def __init__(self, services: int, tasks: int, port: int) -> None:
        self._port = port
        self._next = 0
        self._generation = 0
        self._members = [[self._task() for _ in range(tasks)] for _ in range(services)]
        self._specs = [self._service(at) for at in range(services)]
        self._routes = tuple(
            Route(
                name=f"r{at}", rule="", service=f"s{at}", priority=at,
                alternatives=((Matcher("host", (f"s{at}.example.com",)),), (Matcher("path_prefix", (f"/{at}/",)),)),
            )
            for at in range(services)
        )  # fmt: skip

    def table(self) -> TableSpec:
        self._generation += 1
        return TableSpec(generation=self._generation, services=tuple(self._specs), routes=self._routes)

    def replace_one(self) -> None:
        at = self._generation * 7 % len(self._specs)
        members = self._members[at]
        del members[self._generation * 31 % len(members)]
        members.append(self._task())
        self._specs[at] = self._service(at)

    def replace_all(self) -> None:
        for at, members in enumerate(self._members):
            members[:] = [self._task() for _ in members]
            self._specs[at] = self._service(at)

    def _task(self) -> BackendSpec:
        i = self._next = self._next + 1
        host = f"127.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255 or 1}"
        return BackendSpec(
            id=f"task{i:021}", name=f"web.{i}@node", host=host, port=self._port, weight=1, state="up",
            cookie_value=f"{i:012x}.{i:012x}",
        )  # fmt: skip

    def _service(self, at: int) -> ServiceSpec:
        members = self._members[at]
        lookup = [(b.cookie_value[:12], i, "task") for i, b in enumerate(members)]
        lookup += [(f"f{b.cookie_value[14:]}", i, "slot") for i, b in enumerate(members)]
        return ServiceSpec(
            name=f"s{at}", backends=tuple(members), lookup=tuple(lookup), cookie=CookiePolicy(name="stick"),
            pass_host_header=True,
        )  # fmt: skip


@asynccontextmanager
async def fleet_of_one() -> AsyncIterator[tuple[Fleet, SeriesBook, int]]:
    listeners, regions = Listeners([Address("127.0.0.1", 0)], 1), Regions()
    fleet = Fleet(listeners, RelayOptions(), 2.0, regions, lambda _worker, _events: None)
    fleet.start()
    try:
        yield fleet, SeriesBook(regions.clear_service, regions.clear_backend), listeners.addresses[0].port
    finally:
        await fleet.stop(2.0)
        regions.close()


async def published(fleet: Fleet, book: SeriesBook, table: TableSpec) -> tuple[float, float]:
    """Until the worker has it in force: seconds of this loop for it (numbering, comparing, encoding), seconds in all."""
    began = time.perf_counter()
    fleet.publish(book.number(table))
    own = time.perf_counter() - began
    while not fleet.workers or fleet.workers[0].generation != table.generation:
        fleet.changed.clear()
        await fleet.changed.wait()
    return own, time.perf_counter() - began


def beat(path: str, descriptor: int) -> None:
    """A worker that notes the longest turn of its loop in a file."""
    with Path(path).open("r+b") as file:
        memory = mmap.mmap(file.fileno(), LONGEST.size)

    async def run() -> int:
        loop = asyncio.get_running_loop()
        last = time.thread_time()

        def turn() -> None:
            nonlocal last
            now = time.thread_time()
            if now - last > LONGEST.unpack_from(memory)[0]:
                LONGEST.pack_into(memory, 0, now - last)
            last = time.thread_time()
            loop.call_soon(turn)

        turn()
        return await serve(socket.socket(fileno=descriptor))

    uvloop.run(run())


@contextmanager
def beating() -> Iterator[mmap.mmap]:
    """Workers that are started in it are of that kind; the longest turn."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(LONGEST.pack(0.0))
        file.flush()
        start = asyncio.create_subprocess_exec

        def start_beating(program: str, *args: str, **more: Any) -> Any:
            return start(program, "-P", __file__, "--beat", file.name, args[-1], **more)

        asyncio.create_subprocess_exec = start_beating  # type: ignore[assignment]
        try:
            yield mmap.mmap(file.fileno(), LONGEST.size)
        finally:
            asyncio.create_subprocess_exec = start


def cpu(pid: int) -> float:
    """Seconds that a process has been on a CPU, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


async def pauses(services: int, tasks: int, everything: bool, rounds: int) -> dict[str, Any]:
    turns: dict[str, list[float]] = {"with": [], "without": []}
    with beating() as longest:
        async for step in tables(services, tasks, everything, rounds):
            LONGEST.pack_into(longest, 0, 0.0)
            await step()
            await asyncio.sleep(AFTER)
            turns["with"].append(LONGEST.unpack_from(longest)[0])
            LONGEST.pack_into(longest, 0, 0.0)
            await asyncio.sleep(AFTER)
            turns["without"].append(LONGEST.unpack_from(longest)[0])
    spent, own, whole = [], [], []
    async for step in tables(services, tasks, everything, rounds):
        begin = cpu(step.pid)
        times = await step()
        await asyncio.sleep(AFTER)
        middle = cpu(step.pid)
        await asyncio.sleep(AFTER)
        spent.append(middle - begin - (cpu(step.pid) - middle))
        own.append(times[0])
        whole.append(times[1])
    return {
        "longest_turn_ms": _ms(turns["with"][1:]),
        "longest_turn_worst_ms": round(max(turns["with"][1:]) * 1e3, 2),
        "longest_turn_without_ms": _ms(turns["without"][1:]),
        "longest_turn_without_worst_ms": round(max(turns["without"][1:]) * 1e3, 2),
        "worker_cpu_ms": _ms(spent[1:]),
        "until_in_force_ms": _ms(whole[1:]),
        "supervisor_loop_ms": _ms(own[1:]),
        "first_table_ms": round(whole[0] * 1e3, 1),
        "first_table_longest_turn_ms": round(turns["with"][0] * 1e3, 2),
    }


class Step:
    """One publication, to be carried out by calling it."""

    def __init__(self, fleet: Fleet, book: SeriesBook, table: TableSpec) -> None:
        self._fleet, self._book, self._table = fleet, book, table

    @property
    def pid(self) -> int:
        return self._fleet.workers[0].pid

    async def __call__(self) -> tuple[float, float]:
        return await published(self._fleet, self._book, self._table)


async def tables(services: int, tasks: int, everything: bool, rounds: int) -> AsyncIterator[Step]:
    """The first table and as many changes of it, each in a fleet that runs."""
    world = World(services, tasks, 9)
    async with fleet_of_one() as (fleet, book, _):
        while not fleet.workers:
            fleet.changed.clear()
            await asyncio.sleep(0.01)
        await asyncio.sleep(1.0)
        yield Step(fleet, book, world.table())
        for _ in range(rounds):
            (world.replace_all if everything else world.replace_one)()
            yield Step(fleet, book, world.table())


def load(plan: Plan, first: bool) -> Result:
    """In a thread of its own, whose priority generators inherit."""
    if first:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        return Result.of(plan, run_plan(plan, 1))
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


async def latencies(rate: float, seconds: float, rounds: int, everything: bool, first: bool) -> dict[str, Any]:
    with Child("faststicky.bench.backend", "b1", "0", "all") as backend:
        world = World(1, 10_000, int(backend.first_line()))
        world._routes = (msgspec.structs.replace(world._routes[0], alternatives=((),)),)
        async with fleet_of_one() as (fleet, book, port):
            await published(fleet, book, world.table())
            for pid in (fleet.workers[0].pid, backend.pid) if first else ():
                os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))
            change = world.replace_all if everything else world.replace_one
            plan = Plan(
                target=Target.parse(f"http://127.0.0.1:{port}/"), connections=32, sessions=64, rate=rate,
                duration=seconds, warm_up=1.0,
            )  # fmt: skip
            found: dict[str, list[Result]] = {"without": [], "with": []}
            for _ in range(rounds):
                for name, results in found.items():
                    running = asyncio.ensure_future(asyncio.to_thread(load, plan, first))
                    while name == "with" and not running.done():
                        change()
                        await published(fleet, book, world.table())
                        await asyncio.wait({running}, timeout=1.0)
                    results.append(await running)

    def median(results: list[Result], value: Callable[[Result], float]) -> float:
        return round(statistics.median(value(each) for each in results), 1)

    return {
        name: {
            **{
                f"p{share * 100:g}_us": median(results, lambda each, share=share: each.latency.percentile(share))
                for share in (0.5, 0.9, 0.99, 0.999)
            },
            "all_p99_us": [each.latency.percentile(0.99) for each in results],
            "max_us": median(results, lambda each: each.latency.longest),
            "failed": sum(each.failed for each in results),
            "elsewhere": sum(each.sum.elsewhere for each in results),
        }
        for name, results in found.items()
    }


def _ms(values: list[float]) -> float:
    return round(statistics.median(values) * 1e3, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="scenarios with this in their name")
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--beat", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.beat:
        return beat(asked.beat[0], int(asked.beat[1]))
    found: dict[str, Any] = {}
    if asked.rate:
        found = uvloop.run(latencies(asked.rate, asked.seconds, asked.rounds, asked.all, asked.first))
    else:
        for name, scenario in SCENARIOS.items():
            if asked.only in name:
                found[name] = uvloop.run(pauses(*scenario, asked.rounds))
    return print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
