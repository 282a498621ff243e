"""All workers: started, supplied with the table in force, replaced when they die, drained together at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter
from collections.abc import Callable

from faststicky.model import TableSpec
from faststicky.serve.channel import Access, Events
from faststicky.serve.listeners import Listeners
from faststicky.serve.process import WorkerProcess
from faststicky.serve.publication import Publication
from faststicky.serve.regions import Regions
from faststicky.settings import RelayOptions

log = logging.getLogger(__name__)

STATS_INTERVAL = 1.0  # seconds
SILENCE = 30  # a worker that left so many requests for stats unanswered is stuck: it is killed and replaced
SHORT_LIFE = 10.0  # a worker that dies younger than this makes its successor wait
FIRST_DELAY, LAST_DELAY = 0.1, 5.0  # of that wait, doubled each time
_AFTER_DEATH = "it is replaced; if memory was short, give the proxy more, else report this with the lines before"
HOPELESS = 8  # deaths after which a fleet that never had a working worker is given up
LAST_CALL = 2.5  # seconds for which a stopping fleet still accepts: its idle clients are asked to leave within 2
KILL_MARGIN = 2.0  # seconds beyond its grace after which a draining worker is killed


class Fleet:
    """N slots with a worker in each. A slot's listening sockets outlive its workers."""

    def __init__(
        self,
        listeners: Listeners,
        relay: RelayOptions,
        grace: float,
        regions: Regions,
        on_events: Callable[[WorkerProcess, Events], None],
        on_access: Callable[[Access], None] = lambda _access: None,
    ) -> None:
        """grace: seconds for requests in flight when a worker has to leave of its own accord (it alone got SIGTERM).

        regions: what the workers count in, whoever else may read it.
        """
        self.restarts = 0
        self.past: Counter[str] = Counter()  # sums of the last known counters of workers that are gone
        self.changed = asyncio.Event()  # set whenever a worker's state changes; whoever waits for it clears it first
        self.hopeless = asyncio.Event()  # set when workers die as they start and none ever accepted connections
        self._listeners = listeners
        self._relay = relay
        self._grace = grace
        self._regions = regions
        self._on_events = on_events
        self._on_access = on_access
        self._current: list[WorkerProcess | None] = [None] * len(listeners.sockets)
        self._retired: set[WorkerProcess] = set()  # drain of their own accord beside their successor
        self._lives: set[asyncio.Task[None]] = set()
        self._poll: asyncio.Task[None] | None = None
        self._publication: Publication | None = None
        self._drain_until: float | None = None
        self._stopping = asyncio.Event()
        self._worked = False

    @property
    def workers(self) -> list[WorkerProcess]:
        """Those that accept connections or are about to, by index."""
        return [worker for worker in self._current if worker is not None]

    @property
    def accepting(self) -> bool:
        """True if every slot has a worker that accepts connections."""
        return all(worker is not None and worker.ready for worker in self._current)

    @property
    def in_force(self) -> bool:
        """True if every slot has a worker with a table; without any slot, if there is a table."""
        if not self._current:
            return self._publication is not None and self._publication.table is not None
        return self.accepting and all(worker is not None and worker.generation for worker in self._current)

    @property
    def has_publication(self) -> bool:
        """True if the workers were told what to serve, be it that there is no table yet."""
        return self._publication is not None

    def start(self) -> None:
        """Fill every slot, and keep it filled until `stop`."""
        for index in range(len(self._current)):
            self._begin(index)
        self._poll = asyncio.ensure_future(self._ask())

    def publish(self, table: TableSpec | None) -> None:
        """Send the table to every worker, present and future. None: there is none yet, answer 503 meanwhile."""
        if self._publication is not None:
            self._publication.forget()
        self._publication = Publication(table)
        for worker in self.workers:
            worker.publish(self._publication)

    async def refresh(self, patience: float = 0.5) -> None:
        """Ask every worker for its numbers; returns when all have answered, or after `patience` seconds."""
        for worker in self.workers:
            worker.ask_stats()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await asyncio.gather(*(worker.answered.wait() for worker in self.workers))

    async def stop(self, grace: float) -> None:
        """Drain all workers; returns when the last is gone, which `hurry` can bring nearer."""
        self._stopping.set()
        self._listeners.close()
        self.hurry(grace)
        if self._poll is not None:
            self._poll.cancel()
        while self._lives:
            late = self._drain_until is not None and time.monotonic() > self._drain_until + KILL_MARGIN
            if late:
                for worker in (*self.workers, *self._retired):
                    log.warning(
                        "worker killed, it did not end within --grace; requests that take longer need a longer one",
                        extra={"worker": worker.index, "pid": worker.pid},
                    )
                    worker.kill()
            await asyncio.wait(self._lives, timeout=0.1)

    def hurry(self, grace: float) -> None:
        """While stopping: be done within `grace` seconds from now."""
        until = time.monotonic() + grace
        self._drain_until = until if self._drain_until is None else min(until, self._drain_until)
        for worker in (*self.workers, *self._retired):
            worker.drain(grace, min(LAST_CALL, grace / 4))

    def _begin(self, index: int, delay: float = 0.0) -> None:
        life = asyncio.ensure_future(self._live(index, delay))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)

    async def _live(self, index: int, delay: float) -> None:
        """One worker from start to end; unless all stop, it leaves a successor behind."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay)
        if self._stopping.is_set():
            return
        successor_delay = min(max(FIRST_DELAY, delay * 2), LAST_DELAY)
        region = self._regions.acquire()
        try:
            sockets = self._listeners.sockets[index]
            worker = await WorkerProcess.start(index, sockets, region.fd, self._relay, self._grace)
        except OSError as error:
            self._regions.release(region)
            log.error(
                "cannot start a worker; free memory, processes or open files",
                extra={"worker": index, "error": str(error), "retry_in": successor_delay},
            )
            self._begin(index, successor_delay)
            return
        code = await self._attend(worker)
        self._regions.release(region)
        if worker.stats is not None:
            self.past.update(worker.stats.counters)
        if worker in self._retired:
            self._retired.discard(worker)
            log.info("worker left", extra={"worker": index, "pid": worker.pid})
            return
        self._current[index] = None
        self.changed.set()
        if self._stopping.is_set():
            return
        if time.monotonic() - worker.started > SHORT_LIFE:
            successor_delay = 0.0
        log.error(
            "worker died",
            extra={"worker": index, "pid": worker.pid, "cause": cause_of_death(code), "remedy": _AFTER_DEATH},
        )
        self.restarts += 1
        self._worked = self._worked or worker.ready
        if self.restarts >= HOPELESS and not self._worked:
            self.hopeless.set()
        self._begin(index, successor_delay)

    async def _attend(self, worker: WorkerProcess) -> int:
        worker.on_change = self.changed.set
        worker.on_events = self._on_events
        worker.on_access = self._on_access
        worker.on_leaving = self._replace
        self._current[worker.index] = worker
        if self._publication is not None:
            worker.publish(self._publication)
        if self._drain_until is not None:  # all stop since it was started
            left = max(0.0, self._drain_until - time.monotonic())
            worker.drain(left, min(LAST_CALL, left / 4))
        log.debug("worker started", extra={"worker": worker.index, "pid": worker.pid})
        return await worker.watch()

    def _replace(self, worker: WorkerProcess) -> None:
        """It drains of its own accord; a successor takes its sockets over now, so that nobody waits."""
        if self._current[worker.index] is worker and not self._stopping.is_set():
            self._current[worker.index] = None
            self._retired.add(worker)
            self.restarts += 1
            log.info("worker is leaving and replaced", extra={"worker": worker.index, "pid": worker.pid})
            self._begin(worker.index)

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(STATS_INTERVAL)
            for worker in self.workers:
                if worker.unanswered >= SILENCE:
                    log.error(
                        "worker is stuck and killed; see whether the machine is out of CPU time, else report this",
                        extra={"worker": worker.index, "pid": worker.pid},
                    )
                    worker.kill()
                else:
                    worker.ask_stats()


def cause_of_death(code: int) -> str:
    """ "signal SIGKILL" or "exit code 1"."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
