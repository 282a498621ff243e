"""All that looks at the traffic and never touches it: counters, statistics lines, access lines, live numbers."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import msgspec

from faststicky.control.overrides import Drained
from faststicky.core._memory import trim
from faststicky.model import TableSpec
from faststicky.observe import stats_lines
from faststicky.observe.numbers import Numbers
from faststicky.observe.sample import Sample
from faststicky.serve import own_processes
from faststicky.serve.board import Board
from faststicky.serve.channel import Access
from faststicky.serve.feed import Feed
from faststicky.serve.history import History
from faststicky.serve.line_writer import STDOUT, LineWriter
from faststicky.serve.recent import Recent
from faststicky.serve.regions import Regions
from faststicky.serve.sampler import Sampler
from faststicky.serve.series import SeriesBook
from faststicky.serve.status import Status, readiness
from faststicky.serve.status import table as table_view
from faststicky.settings import RunOptions

log = logging.getLogger(__name__)

TOLD_AGAIN = 60.0  # seconds after which it is said anew that lines are lost
TIDY = (
    60.0  # seconds between two times that memory is given back: what a burst needed, or a large table, stays otherwise
)
PULSE = 2.0  # seconds between two samples
SOON = 0.1  # seconds from a table's publication to the news of it: the control thread has finished by then
COST, COST_WATCHED = 0.005, 0.05  # part of one core that sampling may take; with many backends the pulse slows down


class Observer:
    """`run` until it is cancelled, then `finish`."""

    def __init__(
        self, options: RunOptions, status: Callable[[], Status], drained: Callable[[], dict[str, Drained]]
    ) -> None:
        """Raises ConfigError when the access log's file cannot be opened."""
        self.regions = Regions()
        self.recent = Recent()
        self.feed = Feed()
        self._book = SeriesBook(self.regions.clear_service, self.regions.clear_backend)
        self._sampler = Sampler(self.regions, self._book)
        self._history = History()
        self._status = status
        self._drained = drained
        self._interval = options.stats_interval
        self._for_people = options.log_format == "text" or (options.log_format == "auto" and os.isatty(STDOUT))
        self._node = socket.gethostname()
        self._reported: Sample | None = None
        self._sent: dict[str, dict[str, list[float]]] = {}
        self._states: dict[str, str] = {}
        self._told: tuple[object, ...] = ()
        self._lost_in_workers = 0
        self._lost_reported = 0
        self._lost_told = (0, -TOLD_AGAIN)  # how many lines, and when
        self._output = LineWriter()
        self._access = LineWriter(options.access_log_file) if options.access_log_file else self._output

    def start(self) -> None:
        """From now on lines are written and events are told to those who listen."""
        loop = asyncio.get_running_loop()

        def tell(event: dict[str, Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, another thread still has something to say
                loop.call_soon_threadsafe(self.feed.send, "event", event)

        self.recent.on_event = tell
        logging.getLogger("faststicky").addHandler(self.recent)
        for writer in {self._output, self._access}:
            writer.start()
        self._reported = self._sampler.read()
        self._history.add(self._reported)

    def finish(self) -> None:
        """The last statistics, when the last worker is gone."""
        self.report(last=True)
        logging.getLogger("faststicky").removeHandler(self.recent)
        self.recent.on_event = lambda _event: None
        self.feed.close()
        for writer in {self._output, self._access}:
            writer.stop()
        self.regions.close()

    def numbered(self, table: TableSpec) -> TableSpec:
        """The table with its series, on its way to the workers."""
        table = self._book.number(table)
        self._states = {backend.id: backend.state for service in table.services for backend in service.backends}
        asyncio.get_running_loop().call_later(SOON, self._tell_table, table)
        return table

    def _tell_table(self, table: TableSpec) -> None:
        """What has changed with it, and why."""
        self.recent.published(table, self._status().snapshot)
        self.tell_state()

    def tell_state(self) -> None:
        """To those who look, if anything but numbers has changed since they were told."""
        status = self._status()
        snapshot = status.snapshot
        what = (
            status.generation,
            status.ready,
            status.error,
            snapshot and (snapshot.services, snapshot.routes, snapshot.warnings),
            self._drained(),
        )
        if what != self._told:
            self._told = what
            self.feed.send("state", self.state() if self.feed.is_watched else None)

    def on_access(self, access: Access) -> None:
        """A worker's lines."""
        self._lost_in_workers += access.dropped
        self._access.write(access.lines, access.lines.count(b"\n"))

    @property
    def _lost_access(self) -> int:
        return self._lost_in_workers + self._access.dropped

    @property
    def lost_lines(self) -> int:
        """Access and statistics lines that could not be written in time, since the start."""
        return self._lost_in_workers + sum(writer.dropped for writer in {self._output, self._access})

    def tell_lost(self) -> None:
        """That lines are being lost: whoever counts on them may not see those that say so."""
        lost, now = self.lost_lines, time.monotonic()
        if lost > self._lost_told[0] and now - self._lost_told[1] >= TOLD_AGAIN:
            more, self._lost_told = lost - self._lost_told[0], (lost, now)
            remedy = "see the disk or Docker's log driver, or log less: --access-log off"
            log.warning(
                "lines are lost, since what reads or stores them does not keep up",
                extra={"lines": more, "remedy": remedy},
            )

    def reopen(self) -> None:
        """The access log's file was renamed."""
        self._access.reopen()

    def board(self) -> Board:
        """For the API: totals of this moment, rates of the last seconds."""
        status = self._status()
        return Board(
            generation=status.generation,
            snapshot=status.snapshot,
            drained=self._drained(),
            totals=self._sampler.read(),
            lately=self._history.window(),
        )

    async def pulse(self) -> None:
        """Samples, for ever."""
        while True:
            begun = time.perf_counter()
            self._history.add(self._sampler.read())
            self.tell_state()
            self.tell_lost()
            if self.feed.is_watched:
                self.feed.send("numbers", self.numbers(changed_only=True))
            took = time.perf_counter() - begun
            await asyncio.sleep(max(PULSE, took / (COST_WATCHED if self.feed.is_watched else COST)))

    async def tidying(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(TIDY)
            trim()

    async def reports(self) -> None:
        """Statistics lines, for ever."""
        while self._interval:
            await asyncio.sleep(self._interval)
            self.report()

    def report(self, *, last: bool = False) -> None:
        """One set of lines, since the one before."""
        if not self._interval or self._reported is None:
            return
        now = self._sampler.read()
        part = now.since(self._reported)
        when = datetime.datetime.now(datetime.UTC)
        if self._for_people:
            lines = list(stats_lines.summary(part, when))
        else:
            lines = list(stats_lines.build(part, self._facts(), self._states, when, last=last))
        lost = self._lost_access
        # Without room the next lines tell of this interval, too: none is lost
        if self._output.write(stats_lines.joined(lines), 0):
            self._reported, self._lost_reported = now, lost

    def state(self) -> dict[str, Any]:
        """Of the feed."""
        status, board = self._status(), self.board()
        return {
            **table_view(status),
            "uptime": round(status.uptime, 1),
            "node": self._node,
            "services": msgspec.to_builtins(board.services()),
        }

    def history(self) -> dict[str, Any]:
        """Of the feed."""
        return {"pulse": PULSE, "points": self._history.points()}

    def numbers(self, *, changed_only: bool) -> dict[str, Any]:
        """Of the feed; a backend's are api_types.Row."""
        status, last, lately = self._status(), self._history.last, self._history.window()
        seconds = lately.seconds if lately else 1.0
        whole = lately.whole.numbers if lately else Numbers()
        board = Board(
            generation=status.generation,
            snapshot=status.snapshot,
            drained={},
            totals=last,
            lately=lately,
        )
        sent: dict[str, dict[str, list[float]]] = {}
        services = {}
        for service in board.services():
            rows = {
                b.id: [b.counts.requests, b.counts.rate, b.counts.errors, b.counts.sessions, b.counts.in_flight,
                       b.counts.queued, b.counts.ejections, b.counts.ejected, b.counts.connect_errors, b.counts.resets]
                for b in service.backends
            }  # fmt: skip
            sent[service.name] = rows
            old = self._sent.get(service.name, {}) if changed_only else {}
            services[service.name] = {
                "counts": msgspec.to_builtins(service.counts),
                "hit_rate": service.hit_rate,
                "outcomes": service.outcomes,
                "failures": service.failures,
                "first_byte_ms": msgspec.to_builtins(service.first_byte_ms),
                "total_ms": msgspec.to_builtins(service.total_ms),
                "backends": {key: row for key, row in rows.items() if old.get(key) != row},
            }
        if changed_only:
            self._sent = sent
        return {
            "points": self._history.newest(),
            "rate": round(whole.requests / seconds, 2),
            "errors": round(whole.answers[5] / seconds, 2),
            "services": services,
            "sessions": last.whole.numbers.sessions() if last else 0,
            "connections": status.live().get("clients", 0),
            "in_flight": last.whole.numbers.in_flight if last else 0,
            "uptime": round(status.uptime, 1),
            "readiness": readiness(status),
        }

    def _facts(self) -> stats_lines.Facts:
        status = self._status()
        pids = [os.getpid(), *(worker.pid for worker in status.workers)]
        return stats_lines.Facts(
            node=self._node,
            connections=status.live().get("clients", 0),
            generation=status.generation,
            sync_age=None if status.age is None else round(status.age, 3),
            workers=len(status.workers),
            restarts=status.restarts,
            memory=own_processes.resident(pids),
            open_files=own_processes.open_files(pids),
            lost_access_lines=self._lost_access - self._lost_reported,
        )
