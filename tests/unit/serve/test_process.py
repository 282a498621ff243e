from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator

import pytest

from faststicky.address import Address
from faststicky.model import TableSpec
from faststicky.serve.channel import Acknowledged, BeginTable, GetStats, Rejected, encode
from faststicky.serve.listeners import Listeners
from faststicky.serve.process import WorkerProcess
from faststicky.serve.publication import Publication
from faststicky.serve.regions import Regions
from faststicky.settings import RelayOptions
from patience import seconds

PATIENCE = seconds(60.0)


def table(generation: int) -> Publication:
    return Publication(TableSpec(generation=generation, services=(), routes=()))


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[WorkerProcess]:
    listeners = Listeners([Address("127.0.0.1", 0)], 1)
    regions = Regions()
    worker = await WorkerProcess.start(0, listeners.sockets[0], regions.acquire().fd, RelayOptions(), 5.0)
    watching = asyncio.ensure_future(worker.watch())
    try:
        yield worker
    finally:
        worker.kill()
        await asyncio.wait_for(watching, PATIENCE)
        listeners.close()
        regions.close()


async def until(worker: WorkerProcess, condition) -> None:
    changed = asyncio.Event()
    worker.on_change = changed.set
    async with asyncio.timeout(PATIENCE):
        while not condition():
            changed.clear()
            await changed.wait()


def test_it_becomes_ready_and_tells_its_numbers():
    async def run() -> None:
        async with started() as worker:
            assert (worker.ready, worker.generation, worker.stats) == (False, None, None)
            worker.publish(Publication(None))
            await until(worker, lambda: worker.ready)
            assert worker.generation == 0
            worker.ask_stats()
            assert worker.unanswered == 1
            await until(worker, lambda: worker.stats is not None)
            assert worker.unanswered == 0
            assert worker.stats.live["clients"] == 0

    asyncio.run(run())


def test_of_tables_that_come_too_fast_only_the_newest_is_sent():
    async def run() -> None:
        async with started() as worker:
            sent: list[bytes] = []
            write = worker._channel.write
            worker._channel.write = lambda frame: (sent.append(frame), write(frame))
            for generation in range(1, 100):
                worker.publish(table(generation))
            await until(worker, lambda: worker.generation == 99)
            begins = [encode(BeginTable(generation=g, base=base)) for g, base in ((1, None), (99, 1))]
            assert [frame for frame in sent if b"begin-table" in frame] == begins

    asyncio.run(run())


def test_a_refused_table_does_not_block_the_next(caplog):
    async def run() -> None:
        async with started() as worker:
            worker._sent = table(1)
            worker.publish(table(2))
            worker._handle(Rejected(generation=1, error="why"))
            await until(worker, lambda: worker.generation == 2)

    asyncio.run(run())
    assert caplog.records[0].error == "why"


def test_drain_and_kill():
    async def run() -> None:
        listeners = Listeners([Address("127.0.0.1", 0)], 2)
        regions = Regions()
        first, second = [
            await WorkerProcess.start(index, listeners.sockets[index], regions.acquire().fd, RelayOptions(), 5.0)
            for index in range(2)
        ]
        assert first.pid != second.pid
        first.drain(30)
        second.kill()
        async with asyncio.timeout(PATIENCE):
            assert await first.watch() == 0
            assert await second.watch() == -signal.SIGKILL
        second.kill()  # gone already: nothing happens
        listeners.close()
        regions.close()

    asyncio.run(run())


def test_a_worker_that_speaks_nonsense_is_killed(caplog):
    async def run() -> None:
        async with started() as worker:
            worker.publish(Publication(None))
            await until(worker, lambda: worker.ready)
            worker._channel._reader.feed_data(b"\0\0\0\1\xc1")
            await asyncio.wait_for(worker._process.wait(), PATIENCE)

    asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == ["worker speaks nonsense and is replaced; report this"]


def test_messages_of_the_other_direction_are_nonsense():
    async def run() -> None:
        async with started() as worker:
            with pytest.raises(ValueError, match="GetStats"):
                worker._handle(GetStats())
            worker._handle(Acknowledged(generation=3))
            assert worker.generation == 3

    asyncio.run(run())
