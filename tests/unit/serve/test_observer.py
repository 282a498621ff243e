from __future__ import annotations

import asyncio
import json
import os
import time

import pytest

from faststicky.core._stats import SERVICES
from faststicky.model import BackendSpec, ServiceSpec, TableSpec
from faststicky.serve import line_writer
from faststicky.serve import observer as observer_module
from faststicky.serve.channel import Access
from faststicky.serve.observer import Observer
from faststicky.settings import RunOptions
from unit.serve.watched import STATUS

BACKEND = BackendSpec(id="t1", name="web.t1@node1", host="h", port=1, weight=1, state="up", cookie_value="")
SERVICE = ServiceSpec(name="web", backends=(BACKEND,), lookup=(), cookie=None, pass_host_header=True)
SERVICE_1 = 8192  # where the requests of series 1 are in a region
BACKEND_1 = SERVICES * 8192 + 576
TABLE = TableSpec(generation=1, services=(SERVICE,), routes=())


@pytest.fixture
def stdout(tmp_path, monkeypatch):
    """Where lines for standard output go."""
    path = tmp_path / "stdout"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    monkeypatch.setattr("faststicky.serve.line_writer.STDOUT", fd)
    yield path
    os.close(fd)


def observed(**options: object) -> Observer:
    return Observer(RunOptions(state_dir="", **options), lambda: STATUS, dict)


def test_statistics_lines_at_their_interval_and_at_the_end(stdout):
    async def run() -> None:
        observer = observed(stats_interval=0.05)
        observer.start()
        observer.numbered(TABLE)
        memory = observer.regions.acquire().memory
        reports = asyncio.ensure_future(observer.reports())
        deadline = time.monotonic() + 30
        while stdout.read_bytes().count(b"\n") < 6:
            assert time.monotonic() < deadline
            memory[BACKEND_1] = (memory[BACKEND_1] + 1) % 256  # as its worker would: one more request
            await asyncio.sleep(0.02)
        memory[BACKEND_1] = 255
        reports.cancel()
        observer.finish()

    asyncio.run(run())
    lines = [json.loads(line) for line in stdout.read_text().splitlines()]
    assert [line["scope"] for line in lines[:4]] == ["service", "total", "service", "total"]
    assert lines[0]["tasks"][0]["task"] == "web.t1@node1"
    assert lines[1]["connections"] == 3
    assert lines[1]["memory"] > 1_000_000
    assert [line.get("last") for line in lines[-2:]] == [True, True]


def test_no_lines_when_they_are_off(stdout):
    async def run() -> None:
        observer = observed(stats_interval=0.0)
        observer.start()
        await observer.reports()
        observer.finish()

    asyncio.run(run())
    assert stdout.read_bytes() == b""


def test_access_lines_go_to_their_file_and_what_is_lost_is_told(stdout, tmp_path):
    path = tmp_path / "access"

    async def run() -> None:
        observer = observed(access_log_file=str(path))
        observer.start()
        observer.on_access(Access(lines=b"one\ntwo\n", dropped=3))
        observer.finish()

    asyncio.run(run())
    assert path.read_bytes() == b"one\ntwo\n"
    assert json.loads(stdout.read_text().splitlines()[-1])["lost_access_lines"] == 3


def test_an_interval_whose_lines_found_no_room_is_told_with_the_next(stdout, monkeypatch):
    async def run() -> None:
        observer = observed(stats_interval=10.0)
        observer.start()
        observer.numbered(TABLE)
        memory = observer.regions.acquire().memory
        for room in (0, 10**6, 0, 10**6):
            memory[SERVICE_1] += 5  # as its worker would: five more requests
            observer.on_access(Access(lines=b"", dropped=2))
            monkeypatch.setattr(line_writer, "MAX_QUEUE", room)
            observer.report()
        observer.finish()

    asyncio.run(run())
    lines = [json.loads(line) for line in stdout.read_text().splitlines()]
    assert [line["requests"] for line in lines if line["scope"] == "service"] == [10, 10]
    lost = sum(line["lost_access_lines"] for line in lines if line["scope"] == "total")
    assert lost == 8  # and none of the statistics' own


def test_memory_is_given_back_now_and_then(monkeypatch):
    times: list[int] = []
    monkeypatch.setattr(observer_module, "TIDY", 0.01)
    monkeypatch.setattr(observer_module, "trim", lambda: times.append(1))

    async def run() -> None:
        observer = observed()
        tidying = asyncio.ensure_future(observer.tidying())
        async with asyncio.timeout(30):
            while len(times) < 3:
                await asyncio.sleep(0.01)
        tidying.cancel()
        observer.regions.close()

    asyncio.run(run())


def test_lines_that_are_lost_are_told_once_a_minute(stdout, monkeypatch, caplog):
    monkeypatch.setattr(observer_module, "PULSE", 0.01)

    async def run() -> None:
        observer = observed()
        observer.start()
        pulse = asyncio.ensure_future(observer.pulse())
        for lost in (7, 5):
            observer.on_access(Access(lines=b"", dropped=lost))
            deadline = time.monotonic() + 30
            while observer._lost_told[0] < lost == 7:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        assert observer.lost_lines == 12
        observer._lost_told = (7, -1e9)
        while observer._lost_told[0] < 12:
            await asyncio.sleep(0.01)
        pulse.cancel()
        observer.finish()

    asyncio.run(run())
    told = [record.lines for record in caplog.records if "are lost" in record.getMessage()]
    assert told == [7, 5]


def test_the_pulse_tells_listeners_what_changed(stdout, monkeypatch):
    monkeypatch.setattr(observer_module, "PULSE", 0.02)

    async def run() -> None:
        observer = observed()
        observer.start()
        observer.numbered(TABLE)
        listener = observer.feed.join()
        assert listener is not None
        pulse = asyncio.ensure_future(observer.pulse())
        kinds = []
        while len(kinds) < 3:
            kind = (await asyncio.wait_for(listener.next(), 30)).split(b"\n")[0]
            if kind != b"event: event":  # of the table before
                kinds.append(kind)
        assert kinds == [b"event: state", b"event: numbers", b"event: numbers"]
        pulse.cancel()
        first = observer.numbers(changed_only=False)["services"]["web"]["backends"]
        assert set(first) == {"t1", "t2"}
        assert observer.numbers(changed_only=True)["services"]["web"]["backends"] == {}
        observer.finish()

    asyncio.run(run())


def test_many_backends_slow_the_pulse_down(stdout, monkeypatch):
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise asyncio.CancelledError

    async def run() -> None:
        observer = observed()
        observer.start()
        monkeypatch.setattr(observer_module.asyncio, "sleep", sleep)
        read = observer._sampler.read
        monkeypatch.setattr(observer._sampler, "read", lambda: (time.sleep(0.05), read())[1])
        with pytest.raises(asyncio.CancelledError):
            await observer.pulse()
        observer.finish()

    asyncio.run(run())
    assert pauses[0] >= 0.05 / observer_module.COST


def test_people_get_a_short_form(stdout):
    async def run() -> None:
        observer = observed(log_format="text")
        observer.start()
        observer.numbered(TABLE)
        observer.regions.acquire().memory[SERVICE_1] = 7
        observer.finish()

    asyncio.run(run())
    assert "STATS   web  " in stdout.read_text()
