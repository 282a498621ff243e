"""One run: backends, proxy, traffic, samples, verdict. It stops by itself and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from faststicky.bench.generator import raise_file_limit
from patience import seconds
from proxy.running import Proxy, proxy
from soak.attacks import ATTACKS, Attacker
from soak.floods import FLOODS
from soak.ledger import Ledger
from soak.processes import backend
from soak.table import CORE, GUEST, Configuration
from soak.users import User
from soak.verdict import MIB, Check, alive, judge
from soak.watch import Sample, fetch, look

BAD_PORTS = 16  # each is ejected when it has failed often enough: so many keep the failures coming
# Shorter than usual, so that in an hour every deadline passes thousands of times
OPTIONS = [
    *("--workers", "2", "--head-timeout", "5s", "--keepalive-timeout", "20s", "--response-timeout", "5s"),
    *("--idle-timeout", "5s", "--write-timeout", "5s", "--tunnel-timeout", "20s", "--log-level", "info"),
    *("--access-log", "json", "--access-log-file", "/dev/null"),
]
POOL_IDLE = 5.0  # seconds until no connection to a backend is kept any more
QUIET = seconds(60.0)  # seconds until everything is gone when the load has stopped
FAULTS = ("error", "critical")
MISTAKE = "sync failed, the last table stays: file "


@dataclass(frozen=True)
class Plan:
    """seconds: of load. users: so many at once, `pause` seconds between two requests. rate: attacks a second; slow: so many
    of those that last at once. step: seconds between two samples; change: between two tables."""

    seconds: float = 3600.0
    users: int = 30
    pause: float = 0.25
    rate: float = 40.0
    slow: int = 20
    step: float = 10.0
    change: float = 3.0
    seed: int = 1


@dataclass
class Outcome:
    """What a run has shown."""

    checks: list[Check]
    ledger: Ledger
    samples: list[Sample] = field(default_factory=list)


class Traffic:
    """All that goes to one proxy, until `stop` is set."""

    def __init__(self, plan: Plan, address: tuple[str, int], ledger: Ledger, dice: random.Random) -> None:
        self._plan, self._address, self._ledger, self._dice = plan, address, ledger, dice
        self._attacker = Attacker(address, ledger, dice)
        self._under_way: set[asyncio.Task[None]] = set()
        self.stop = asyncio.Event()

    async def run(self) -> None:
        """The users end with their request, the attackers at once."""
        users = [asyncio.create_task(self._users()) for _ in range(self._plan.users)]
        attackers = [asyncio.create_task(self._attackers())]
        attackers += [asyncio.create_task(self._slow()) for _ in range(self._plan.slow)]
        await self.stop.wait()
        for task in [*attackers, *self._under_way]:
            task.cancel()
        await asyncio.gather(*attackers, *self._under_way, return_exceptions=True)
        await asyncio.gather(*users)

    async def _users(self) -> None:
        await asyncio.sleep(self._dice.random() * self._plan.pause)
        while not self.stop.is_set():
            user = User(self._address, self._ledger, random.Random(self._dice.random()), frozenset(CORE))
            await user.visit(self._plan.pause, self.stop)

    async def _attackers(self) -> None:
        """At the rate, and never more than some seconds of it at once."""
        attacks, weights = list(ATTACKS), list(ATTACKS.values())
        while True:
            await asyncio.sleep(self._dice.expovariate(self._plan.rate))
            if len(self._under_way) < 10 * self._plan.rate:
                task = asyncio.create_task(self._attack(*self._dice.choices(attacks, weights)))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

    async def _slow(self) -> None:
        floods, weights = list(FLOODS), list(FLOODS.values())
        while True:
            await asyncio.sleep(self._dice.random() * 5.0)
            await self._attack(*self._dice.choices(floods, weights))

    async def _attack(self, attack: Callable[[Attacker], Awaitable[None]]) -> None:
        """The proxy may end any of them with a reset; what fails otherwise is a mistake in here."""
        try:
            async with asyncio.timeout(90.0):
                await attack(self._attacker)
        except ConnectionRefusedError as error:
            self._ledger.saw(attack.__name__, f"nobody listens: {error}")
        except OSError:
            self._ledger.answered(f"{attack.__name__}, reset", b"")
        except Exception as error:
            self._ledger.saw(attack.__name__, f"{type(error).__name__}: {error}")


class Run:
    """The parts of one run."""

    def __init__(self, plan: Plan, running: Proxy, good: dict[str, int], configuration: Configuration) -> None:
        self._plan, self._running, self._good, self._configuration = plan, running, good, configuration
        self._samples: list[Sample] = []
        self._ledger = Ledger()

    async def play(self, say: Callable[[str], None]) -> Outcome:
        """The whole of it."""
        plan, dice = self._plan, random.Random(self._plan.seed)
        await self._warm_up()
        before = await self._look()
        traffic = Traffic(plan, (self._running.host, self._running.port), self._ledger, dice)
        jobs = [asyncio.create_task(job) for job in (self._watch(say), self._change_tables())]
        going = asyncio.create_task(traffic.run())
        for number in (signal.SIGINT, signal.SIGTERM):  # over before its time, with a verdict on what there was
            asyncio.get_running_loop().add_signal_handler(number, traffic.stop.set)
        done, _ = await asyncio.wait((going, *jobs), timeout=plan.seconds, return_when=asyncio.FIRST_COMPLETED)
        traffic.stop.set()
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await going
        for each in done:
            each.result()  # a job that has ended was mistaken
        self._samples.append(await self._look())
        say(self._line(self._samples[-1]))
        self._configuration.restore()
        after = await self._quiet(before)
        say(self._line(after))
        smuggled = 0
        for port in self._good.values():
            smuggled += (await fetch("127.0.0.1", port, "/report"))["smuggled"]
        checks = judge(self._ledger, before, self._samples, after, smuggled, self._complaints())
        return Outcome(checks, self._ledger, [before, *self._samples, after])

    async def _warm_up(self) -> None:
        """What a worker opens with its first kept connection, and keeps, is open before descriptors are counted."""
        address = (self._running.host, self._running.port)
        for seed in range(20):
            await User(address, self._ledger, random.Random(seed), frozenset(CORE)).visit(0.001, asyncio.Event())
        await asyncio.sleep(POOL_IDLE)

    async def _look(self) -> Sample:
        return await look(self._running.process.pid, self._running.admin)

    async def _watch(self, say: Callable[[str], None]) -> None:
        while True:
            self._samples.append(await self._look())
            say(self._line(self._samples[-1]))
            await asyncio.sleep(self._plan.step)

    async def _change_tables(self) -> None:
        """Noticed by itself, or told by SIGHUP."""
        while True:
            await asyncio.sleep(self._plan.change)
            self._configuration.change()
            self._ledger.changes += 1
            if self._ledger.changes % 2:
                self._running.process.send_signal(signal.SIGHUP)

    async def _quiet(self, before: Sample) -> Sample:
        """When all that lives and all that is open is as it was, or it will not be so any more."""
        end = time.monotonic() + QUIET
        while True:
            await asyncio.sleep(0.5)
            sample = await self._look()
            if (alive(sample), sample.files) == (alive(before), before.files) or time.monotonic() > end:
                return sample

    def _complaints(self) -> list[str]:
        """Lines of the log that tell of a fault of the proxy's own: mistakes in the file are not among them."""
        faults = (line for line in self._running.log if line["level"] in FAULTS)
        found = [str(line) for line in faults if not line["event"].startswith(MISTAKE) or "Traceback" in str(line)]
        for text in found[:10]:
            self._ledger.texts.append(f"log: {text}")
        return found

    def _line(self, sample: Sample) -> str:
        memory = " ".join(f"{size / MIB:.1f}" for size in sample.memory.values())
        files = " ".join(str(count) for count in sample.files.values())
        cpu = " ".join(f"{seconds:.1f}" for seconds in sample.cpu.values())
        live = " ".join(f"{name}={number}" for name, number in alive(sample).items() if number)
        asked, harmed = sum(self._ledger.requests.values()), sum(self._ledger.harm.values())
        return (
            f"{time.strftime('%H:%M:%S')} MiB {memory} | files {files} | cpu {cpu} | {live} | table {sample.generation} | "
            f"users' requests {asked}, harmed {harmed} | attacks {sum(self._ledger.attacks.values())}"
        )


def run(plan: Plan, folder: Path, say: Callable[[str], None] = lambda _: None) -> Outcome:
    """folder: where the proxy's log and state go."""
    raise_file_limit()
    outcome: Outcome | None = None
    try:
        with contextlib.ExitStack() as stack:
            good = {name: stack.enter_context(backend("soak.good_backend", name))[0] for name in (*CORE, GUEST)}
            *bad, first, closing = stack.enter_context(backend("soak.bad_backend", str(BAD_PORTS)))
            nobody = stack.enter_context(socket.socket())  # bound and not listening: connecting is refused
            nobody.bind(("127.0.0.1", 0))
            others = {"bad": bad, "first": [first], "closing": [closing], "dead": [nobody.getsockname()[1]]}
            configuration = Configuration(folder / "proxy.toml", good, others, random.Random(plan.seed))
            running = stack.enter_context(proxy(folder, "--config", str(folder / "proxy.toml"), *OPTIONS))
            outcome = asyncio.run(Run(plan, running, good, configuration).play(say))
            code = running.stop()
            outcome.checks.append(Check("exit code of the proxy", f"{code}", "0", code == 0))
    except AssertionError as error:
        if outcome is None:
            raise
        # A traceback, or whatever else is not a line of the log
        outcome.checks.append(Check("what else the proxy wrote", str(error), "nothing", False))
    return outcome


def write_samples(outcome: Outcome, path: Path) -> None:
    """One JSON object a line."""
    with path.open("w") as file:
        for sample in outcome.samples:
            file.write(json.dumps(sample.__dict__) + "\n")
