"""The worker as a real process, at the end of a real channel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from faststicky.core._stats import read_service
from faststicky.model import BackendSpec, Matcher, Route, ServiceSpec, TableSpec
from faststicky.serve import worker as worker_module
from faststicky.serve.channel import (
    Access,
    Acknowledged,
    BeginTable,
    Channel,
    Drain,
    EndTable,
    Events,
    GetStats,
    Hello,
    Leaving,
    Ready,
    Rejected,
    Stats,
)
from faststicky.serve.publication import Publication
from faststicky.serve.regions import Region, Regions
from faststicky.serve.worker import EVENTS_PER_BATCH, EventBatch
from faststicky.settings import RelayOptions
from patience import seconds

PATIENCE = seconds(60.0)
EMPTY = TableSpec(generation=4, services=(), routes=())


class Conversation:
    """A worker process, seen from the supervisor's end."""

    def __init__(
        self, channel: Channel, process: asyncio.subprocess.Process, address: tuple[str, int], region: Region
    ) -> None:
        self.region = region
        self.channel = channel
        self.process = process
        self.address = address
        self.events: list[dict[str, Any]] = []

    async def hear(self) -> object:
        """The next message that is not Events."""
        async with asyncio.timeout(PATIENCE):
            while isinstance(message := await self.channel.receive(), Events):
                self.events += message.events
            return message

    def publish(self, table: TableSpec | None) -> None:
        """All of it."""
        for frame in Publication(table).frames(None):
            self.channel.write(frame)

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            while await self.channel.receive() is not None:
                continue
            return await self.process.wait()

    async def ask(self, request: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> bytes:
        """Its answer's head, on a connection that is closed afterwards."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(*self.address)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            return head


@contextlib.asynccontextmanager
async def started(grace: float = 5.0, access_log: str = "off") -> AsyncIterator[Conversation]:
    ours, theirs = socket.socketpair()
    regions = Regions()
    region = regions.acquire()
    with socket.create_server(("127.0.0.1", 0)) as listener, theirs:
        listener.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "faststicky.serve.worker",
            str(theirs.fileno()),
            pass_fds=(theirs.fileno(), region.fd, listener.fileno()),
        )
        channel = await Channel.open(ours)
        theirs.close()
        relay = RelayOptions(access_log=access_log)  # type: ignore[arg-type]
        channel.send(Hello(index=0, listeners=(listener.fileno(),), region=region.fd, relay=relay, grace=grace))
        try:
            yield Conversation(channel, process, listener.getsockname(), region)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await channel.close()
            regions.close()


def talk(act: Callable[[Conversation], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with started(**options) as conversation:
            await act(conversation)

    asyncio.run(run())


def test_it_imports_little():
    program = "import sys, faststicky.serve.worker; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = set(result.stdout.split())
    assert {"uvloop", "msgspec", "faststicky"} <= modules
    assert modules.isdisjoint({"aiohttp", "docker", "requests", "click", "rich", "lark", "orjson", "yaml", "tomllib"})
    program = (
        "import sys, faststicky.serve.worker; print(*sorted(n for n in sys.modules if n.startswith('faststicky')))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    packages = {name.split(".")[1] for name in result.stdout.split() if "." in name}
    assert packages.isdisjoint({"cli", "control", "discovery", "labels", "demo", "observe"})


def test_clients_wait_until_there_is_a_table():
    async def act(worker: Conversation) -> None:
        answer = asyncio.ensure_future(worker.ask())
        worker.channel.send(GetStats())
        assert isinstance(await worker.hear(), Stats)
        assert not answer.done()
        worker.publish(EMPTY)
        assert await worker.hear() == Acknowledged(generation=4)
        assert await worker.hear() == Ready()
        assert (await answer).startswith(b"HTTP/1.1 ")

    talk(act)


def test_without_any_table_it_answers_503_and_then_takes_one():
    async def act(worker: Conversation) -> None:
        worker.publish(None)
        assert await worker.hear() == Acknowledged(generation=0)
        assert await worker.hear() == Ready()
        assert (await worker.ask()).startswith(b"HTTP/1.1 503 ")
        worker.publish(EMPTY)
        assert await worker.hear() == Acknowledged(generation=4)
        worker.channel.send(GetStats())
        stats = await worker.hear()
        assert isinstance(stats, Stats)
        assert stats.generation == 4
        assert stats.counters["requests"] == 1

    talk(act)


def test_a_supervisor_that_speaks_nonsense_is_left():
    broken = b"\x82\xa4type\xa8backends\xa8segments\x91\xc0"

    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        assert await worker.hear() == Acknowledged(generation=4)
        assert await worker.hear() == Ready()
        worker.channel._writer.write(len(broken).to_bytes(4, "big") + broken)  # nobody else can make one
        assert await worker.ended() == 1

    talk(act)


def test_a_table_on_another_than_that_in_force_is_refused_and_all_of_it_taken():
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        assert [await worker.hear() for _ in range(2)] == [Acknowledged(generation=4), Ready()]
        worker.channel.send(BeginTable(generation=9, base=8))
        worker.channel.send(EndTable())
        answer = await worker.hear()
        assert isinstance(answer, Rejected)
        assert (answer.generation, "upon generation 8, not 4" in answer.error) == (9, True)
        worker.publish(TableSpec(generation=10, services=(), routes=()))
        assert await worker.hear() == Acknowledged(generation=10)

    talk(act)


def test_it_listens_to_others_while_a_table_comes():
    """Numbers are asked for and a request is answered between two pieces."""

    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        assert [await worker.hear() for _ in range(2)] == [Acknowledged(generation=4), Ready()]
        worker.channel.send(BeginTable(generation=5, base=4))
        worker.channel.send(GetStats())
        stats = await worker.hear()
        assert isinstance(stats, Stats)
        assert (stats.generation, stats.live["tables"]) == (4, 2)
        assert (await worker.ask()).startswith(b"HTTP/1.1 404 ")
        worker.channel.send(EndTable())
        assert await worker.hear() == Acknowledged(generation=5)
        worker.channel.send(BeginTable(generation=6, base=5))  # of which nothing more comes
        worker.channel.send(Drain(grace=PATIENCE))
        assert await worker.ended() == 0

    talk(act)


def test_what_the_relay_refuses_is_told():
    from faststicky.model import Route

    route = Route(name="r", rule="", service="nowhere", priority=1, alternatives=())

    async def act(worker: Conversation) -> None:
        worker.publish(TableSpec(generation=5, services=(), routes=(route,)))
        answer = await worker.hear()
        assert isinstance(answer, Rejected)
        assert answer.generation == 5
        assert await worker.hear() == Ready()
        worker.publish(EMPTY)
        assert await worker.hear() == Acknowledged(generation=4)

    talk(act)


def test_events_arrive():
    async def act(worker: Conversation) -> None:
        worker.publish(None)
        await worker.ask()
        while not worker.events:
            worker.channel.send(GetStats())
            await worker.hear()
        assert worker.events[0]["status"] == 503

    talk(act)


def test_it_counts_in_the_shared_memory():
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        await worker.hear()
        await worker.hear()
        await worker.ask()
        assert read_service(worker.region.memory, 0)[0]["answers"][4] == 1

    talk(act)


def test_access_lines_arrive_and_those_of_the_last_moment_too():
    backend = BackendSpec(
        id="a", name="web.1", host="127.0.0.1", port=1, weight=1, state="up", cookie_value="", series=1
    )
    service = ServiceSpec(name="web", backends=(backend,), lookup=(), cookie=None, pass_host_header=True, series=1)
    every = ((Matcher(kind="path_prefix", values=("/",)),),)
    route = Route(name="web", rule="", service="web", priority=1, alternatives=every)

    async def act(worker: Conversation) -> None:
        worker.publish(TableSpec(generation=5, services=(service,), routes=(route,)))
        await worker.hear()
        await worker.hear()
        await worker.ask()
        worker.channel.send(Drain(grace=PATIENCE))
        lines = b""
        while not isinstance(message := await worker.hear(), Stats):
            assert isinstance(message, Access)
            assert message.dropped == 0
            lines += message.lines
        line = json.loads(lines)
        assert (line["service"], line["target"]) == ("web", "/")
        assert line["status"] in (502, 503)
        assert await worker.ended() == 0

    talk(act, access_log="json")


def test_access_lines_beyond_what_the_supervisor_takes_are_counted_only():
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        assert [type(await worker.hear()) for _ in range(2)] == [Acknowledged, Ready]
        reader, writer = await asyncio.open_connection(*worker.address)
        target, asked = b"/" + b"x" * 4000, 2 * worker_module.MAX_BACKLOG // 4000
        async with asyncio.timeout(PATIENCE):
            for _ in range(asked):  # nobody reads the channel meanwhile
                writer.write(b"HEAD %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 404 ")
        writer.close()
        await asyncio.sleep(0.5)  # the last ones are dropped, too: no line follows that could tell their number
        worker.channel.send(Drain(grace=PATIENCE))
        lines = dropped = 0
        while isinstance(message := await worker.hear(), Access):
            lines, dropped = lines + message.lines.count(b"\n"), dropped + message.dropped
        assert (lines + dropped, asked // 4 < lines < asked) == (asked, True)

    talk(act, access_log="common")


def test_drain_ends_it_and_later_connections_are_refused():
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        worker.channel.send(Drain(grace=30))
        assert await worker.ended() == 0

    talk(act)


def test_drain_before_the_first_table():
    async def act(worker: Conversation) -> None:
        worker.channel.send(Drain(grace=30))
        assert await worker.ended() == 0

    talk(act)


def test_a_second_drain_shortens_the_first():
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        await worker.hear()
        await worker.hear()
        _, writer = await asyncio.open_connection(*worker.address)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n")  # a request that does not end
        worker.channel.send(Drain(grace=600))
        worker.channel.send(Drain(grace=0))
        assert await worker.ended() == 0
        writer.close()

    talk(act)


def test_it_does_not_outlive_its_supervisor():
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        await worker.hear()
        await worker.channel.close()
        async with asyncio.timeout(PATIENCE):
            assert await worker.process.wait() == 0

    talk(act)


def test_sigterm_makes_it_leave_and_say_so():
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        assert await worker.hear() == Acknowledged(generation=4)
        assert await worker.hear() == Ready()
        os.kill(worker.process.pid, signal.SIGTERM)
        assert await worker.hear() == Leaving()
        assert await worker.ended() == 0

    talk(act)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signals_of_the_terminal_are_for_the_supervisor(number):
    async def act(worker: Conversation) -> None:
        worker.publish(EMPTY)
        await worker.hear()
        os.kill(worker.process.pid, number)
        await worker.hear()
        assert (await worker.ask()).startswith(b"HTTP/1.1 ")

    talk(act)


class _Sent:
    """Takes what a batch sends."""

    def __init__(self) -> None:
        self.backlog = 0
        self.messages: list[Events] = []

    def send(self, message: Events) -> None:
        self.messages.append(message)


def test_batches_are_bounded():
    async def run() -> None:
        sent = _Sent()
        batch = EventBatch(asyncio.get_running_loop(), sent)
        for number in range(EVENTS_PER_BATCH + 3):
            batch.add({"number": number})
        batch.flush()
        batch.flush()
        assert [(len(message.events), message.dropped) for message in sent.messages] == [(EVENTS_PER_BATCH, 3)]
        sent.backlog = worker_module.MAX_BACKLOG + 1
        batch.add({"number": 0})
        batch.flush()
        sent.backlog = 0
        batch.add({"number": 1})
        batch.flush()
        assert (sent.messages[1].events, sent.messages[1].dropped) == ([{"number": 1}], 1)

    asyncio.run(run())
