"""The supervisor in this process, with real workers; what it does as a process of its own is in tests/proxy."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable

import aiohttp
import pytest

from faststicky.address import Address
from faststicky.errors import ConfigError, FaststickyError
from faststicky.serve import fleet as fleet_module
from faststicky.serve.channel import Events
from faststicky.serve.supervisor import Supervisor, serve
from faststicky.settings import RunOptions
from patience import seconds

PATIENCE = seconds(60.0)


@pytest.fixture(autouse=True)
def _limit():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def options(tmp_path, **fields: object) -> RunOptions:
    given = {
        "listen": (Address("127.0.0.1", 0),),
        "admin": Address("127.0.0.1", 0),
        "backends": ("http://127.0.0.1:9",),
        "state_dir": str(tmp_path),
        "grace": 5.0,
    }
    return RunOptions(**{**given, **fields})


async def until(running: asyncio.Future[None], condition: Callable[[], object]) -> None:
    """While the supervisor runs: if it has failed, its error is what the test fails with."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            if running.done():
                running.result()
            await asyncio.sleep(0.02)


async def ready(supervisor: Supervisor, running: asyncio.Future[None]) -> None:
    """With its table: a start that takes longer than FIRST_TABLE is ready before, and answers 503."""
    await until(running, lambda: (status := supervisor.status()).ready and status.generation)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_start_to_signal(tmp_path, number):
    async def run() -> None:
        supervisor = Supervisor(options(tmp_path, ready_file=str(tmp_path / "ready")))
        running = asyncio.ensure_future(supervisor.run())
        await ready(supervisor, running)
        await until(running, (tmp_path / "ready").exists)  # the admin server comes last
        status = supervisor.status()
        assert (status.generation, len(status.workers), status.error) == (1, 1, "")
        assert status.snapshot is not None
        assert status.snapshot.source == "flags"
        assert supervisor._admin is not None
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{supervisor._admin.address}/ready") as response:
                assert response.status == 200
            async with session.get(f"http://{status.listen[0]}/") as response:
                assert response.status in (502, 503)
        os.kill(os.getpid(), number)
        await asyncio.wait_for(running, PATIENCE)
        assert not supervisor.status().ready
        assert not (tmp_path / "ready").exists()

    asyncio.run(run())


def test_without_an_admin_server(tmp_path):
    async def run() -> None:
        supervisor = Supervisor(options(tmp_path, admin=None))
        running = asyncio.ensure_future(supervisor.run())
        await ready(supervisor, running)
        assert supervisor._admin is None
        supervisor._on_reload_signal()
        supervisor._on_stop_signal()
        await asyncio.wait_for(running, PATIENCE)

    asyncio.run(run())


def test_notes_and_events_are_logged(tmp_path, caplog):
    async def run() -> None:
        supervisor = Supervisor(options(tmp_path, admin=None, notes=("--x is ignored: because",)))
        running = asyncio.ensure_future(supervisor.run())
        await ready(supervisor, running)
        worker = supervisor._fleet.workers[0]
        supervisor._on_events(worker, Events(events=[{"event": "answered", "status": 502}], dropped=3))
        supervisor._on_stop_signal()
        await asyncio.wait_for(running, PATIENCE)

    with caplog.at_level(logging.INFO, "faststicky"):
        asyncio.run(run())
    messages = [record.getMessage() for record in caplog.records]
    for message in ("starting", "--x is ignored: because", "answered", "relay events suppressed", "ready", "stopped"):
        assert message in messages


def test_without_a_table_for_long_it_answers_503(tmp_path, monkeypatch):
    monkeypatch.setattr("faststicky.serve.supervisor.FIRST_TABLE", 0.1)

    async def run() -> None:
        endpoint = f"unix://{tmp_path}/none.sock"
        supervisor = Supervisor(options(tmp_path, backends=(), swarm=True, docker_endpoint=endpoint))
        running = asyncio.ensure_future(supervisor.run())
        url = f"http://{supervisor.status().listen[0]}/"
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session, session.get(url) as response:
            assert response.status == 503
        assert not supervisor.status().ready
        assert "none.sock" in supervisor.status().error
        supervisor._on_stop_signal()
        await asyncio.wait_for(running, PATIENCE)

    asyncio.run(run())


def test_workers_that_never_come_up_end_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    monkeypatch.setattr(fleet_module, "LAST_DELAY", 0.1)
    with pytest.raises(FaststickyError, match="workers die as they start"):
        asyncio.run(Supervisor(options(tmp_path, admin=None)).run())


def test_what_cannot_begin_leaves_nothing_open(tmp_path):
    taken = Supervisor(options(tmp_path))
    address = taken._listeners.addresses[0]
    for fields in ({"listen": (address,)}, {"admin": address}, {"backends": ("ftp://x",)}):
        with pytest.raises(ConfigError):
            serve(options(tmp_path, **fields))
    taken._listeners.close()
