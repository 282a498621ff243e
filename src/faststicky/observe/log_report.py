"""Adds up statistics and access lines of any number of nodes, restarts and intervals.

Statistics lines hold differences, so that sums need no order; histograms are added bucket by bucket and users by the
union of their registers, so that the result is what one proxy would have counted. A request is in a statistics line and,
with an access log, in an access line as well: the two are added up apart.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from faststicky.core._stats import BUCKETS, bucket_of, count_sessions
from faststicky.observe import sparse
from faststicky.observe.histogram import Histogram
from faststicky.observe.log_reading import DamagedError, Line, read
from faststicky.observe.numbers import hit_rate

REGISTERS = 128
_COUNTS = ("requests", "bytes_in", "bytes_out", "retries", "connect_errors", "resets", "ejections")
_TASK_COUNTS = ("requests", "errors", "retries", "connect_errors", "resets", "ejections")
_COUNTERS = ("answers", "outcomes", "failures")
_TASK_COUNTERS = ("outcomes",)
_REASONS = ("kind", "status", "reason", "error", "cause")  # details that make it another warning
_MANY_WARNINGS = 1000  # different ones; the rest is only counted in `lines`
_SLOTS = 100_000  # different targets that are counted one by one; the rest is "(others)"


class _Part(NamedTuple):
    """What a line has of a service, a task, or all, but for latencies."""

    counts: dict[str, int]
    counters: dict[str, Counter[str]]
    registers: dict[int, int]


class Sum:
    """Of a service, a task, a node, or all."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.first_byte = Histogram()
        self.total = Histogram()
        self.registers: dict[int, int] = {}
        self.state = (
            ""  # of a task, and as of when: the newest line counts, and of a name's two tasks the one that is there
        )
        self.state_as_of: tuple[datetime.datetime, bool] | None = None

    @property
    def errors(self) -> int:
        """Answers 5xx."""
        return self.answers["5xx"] or self.counts["errors"]

    @property
    def hit_rate(self) -> float | None:
        """As in the statistics lines."""
        return hit_rate(self.outcomes)

    @property
    def sessions(self) -> int:
        """Distinct users, estimated; 0 if nobody counted them."""
        if not self.registers:
            return 0
        return count_sessions(bytes(self.registers.get(place, 0) for place in range(REGISTERS)))

    def add(self, part: _Part) -> None:
        """Counts, and the union of the users with those who were seen already."""
        self.counts.update(part.counts)
        for name, counter in part.counters.items():
            getattr(self, name).update(counter)
        for place, value in part.registers.items():
            self.registers[place] = max(value, self.registers.get(place, 0))


class Moment:
    """All traffic in an interval that ended at `time`, of one node."""

    __slots__ = ("errors", "first_byte", "requests", "seconds", "time")

    def __init__(self, time: datetime.datetime, seconds: float, requests: int, errors: int, first: Histogram) -> None:
        self.time = time
        self.seconds = seconds
        self.requests = requests
        self.errors = errors
        self.first_byte = first


class Standing(NamedTuple):
    """How a proxy stood at `time`, by the last line of it. age: seconds since its table was confirmed; None: never."""

    time: datetime.datetime
    generation: int
    age: float | None
    ended: bool


class Told:
    """What a warning or an error of the program's log says, and how often; `last`: when for the last time."""

    __slots__ = ("count", "last", "level", "remedy")

    def __init__(self, level: str, remedy: str, last: datetime.datetime) -> None:
        self.level = level
        self.remedy = remedy
        self.last = last
        self.count = 0


class Interval(NamedTuple):
    """Latencies of a service ("": of all traffic) in an interval that ended at `time`, as a line has them."""

    time: datetime.datetime
    seconds: float
    service: str
    first_byte: str
    total: str


class Report:
    """One pass over any number of lines."""

    def __init__(
        self,
        since: datetime.datetime | None = None,
        until: datetime.datetime | None = None,
        *,
        keep_intervals: bool = False,
    ) -> None:
        """keep_intervals: also keep every histogram by itself, for a log of them."""
        self.whole = Sum()
        self.services: dict[str, Sum] = {}
        self.tasks: dict[tuple[str, str], Sum] = {}
        self.nodes: dict[str, Sum] = {}
        self.standings: dict[str, Standing] = {}  # by node
        self.oldest: dict[str, float] = {}  # by node: how old its table was at the most, in seconds
        self.timeline: list[Moment] = []
        self.targets: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.access = Sum()
        self.access_services: dict[str, Sum] = {}
        self.access_tasks: dict[tuple[str, str], Sum] = {}
        self.warnings: dict[tuple[str, str], Told] = {}  # by service, or backend, and text
        self.lines: Counter[str] = Counter()  # stats, access, warning, other, damaged, outside
        self.lost_access_lines = 0
        self.first: datetime.datetime | None = None
        self.last: datetime.datetime | None = None
        self.intervals: list[Interval] = []
        self._keep_intervals = keep_intervals
        self._since = since
        self._until = until

    def add_all(self, texts: Iterable[str]) -> None:
        """Each line, damaged ones included."""
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """One line; what cannot be used is counted in `lines`."""
        if not text.strip():
            return
        try:
            line = read(text)
            if line is None:
                self.lines["other"] += 1
            elif (self._since and line.time < self._since) or (self._until and line.time > self._until):
                self.lines["outside"] += 1
            else:
                {"stats": self._add_stats, "access": self._add_access, "warning": self._add_warning}[line.kind](line)
                self.lines[line.kind] += 1
                self.first = min(self.first or line.time, line.time)
                self.last = max(self.last or line.time, line.time)
        except (DamagedError, ValueError, TypeError, KeyError, AttributeError):
            self.lines["damaged"] += 1

    def _add_stats(self, line: Line) -> None:
        """All of it is read before anything is added: a damaged line must not be counted in part."""
        fields, scope = line.fields, line.fields["scope"]
        if scope == "tasks":
            self._add_tasks(line.time, fields["service"], _tasks(fields))
            return
        part, texts, seconds = _part(fields, _COUNTS, _COUNTERS), fields["histograms"], float(fields["interval"])
        first_byte, total = Histogram.decode(texts["first_byte"]), Histogram.decode(texts["total"])
        if scope == "service":
            tasks = _tasks(fields)
            sums = [self.services.setdefault(fields["service"], Sum())]
            self._add_tasks(line.time, fields["service"], tasks)
        elif scope == "total":
            self.lost_access_lines += int(fields.get("lost_access_lines", 0))
            requests, errors = part.counts["requests"], part.counters["answers"]["5xx"]
            self.timeline.append(Moment(line.time, seconds, requests, errors, first_byte))
            sums = [self.whole, self.nodes.setdefault(line.node, Sum())]
            self._note_standing(line)
        else:
            raise DamagedError(f"unknown scope {scope!r}")
        for one in sums:
            one.add(part)
            one.first_byte.add(first_byte)
            one.total.add(total)
        if self._keep_intervals:
            service = str(fields.get("service", ""))
            self.intervals.append(Interval(line.time, seconds, service, texts["first_byte"], texts["total"]))

    def _note_standing(self, line: Line) -> None:
        age, generation = line.fields.get("sync_age"), line.fields.get("generation")
        age = float(age) if isinstance(age, int | float) else None  # whatever is there, the line is counted already
        generation = generation if isinstance(generation, int) else 0
        standing = Standing(line.time, generation, age, bool(line.fields.get("last")))
        if line.node not in self.standings or self.standings[line.node].time <= line.time:
            self.standings[line.node] = standing
        self.oldest[line.node] = max(self.oldest.get(line.node, 0.0), standing.age or 0.0)

    def _add_tasks(self, time: datetime.datetime, service: str, tasks: list[tuple[str, str, _Part]]) -> None:
        for name, state, part in tasks:
            one = self.tasks.setdefault((service, name), Sum())
            one.add(part)
            as_of = (time, state != "gone")
            if one.state_as_of is None or one.state_as_of <= as_of:
                one.state, one.state_as_of = state, as_of

    def _add_warning(self, line: Line) -> None:
        fields = line.fields
        where = str(fields.get("service") or fields.get("backend") or "")
        text = ", ".join((str(fields["event"]), *(f"{name} {fields[name]}" for name in _REASONS if name in fields)))
        told = self.warnings.get((where, text))
        if told is None:
            if len(self.warnings) >= _MANY_WARNINGS:
                return
            told = self.warnings[where, text] = Told(str(fields["level"]), str(fields.get("remedy", "")), line.time)
        told.count += 1 + int(fields.get("suppressed", 0))
        told.last = max(told.last, line.time)

    def _add_access(self, line: Line) -> None:
        fields = line.fields
        status, service, backend = int(fields["status"]), str(fields["service"]), str(fields["backend"])
        counts = {"requests": 1, "bytes_out": int(fields["bytes"]), "retries": int(fields["retries"])}
        outcome, target = str(fields["sticky"]), str(fields["target"]).partition("?")[0]
        first, total = _bucket(fields["first"]), _bucket(fields["total"])
        sums = [self.access, self.access_services.setdefault(service, Sum())]
        if backend:
            sums.append(self.access_tasks.setdefault((service, backend), Sum()))
        for one in sums:
            one.counts.update(counts)
            one.answers[f"{min(status, 599) // 100}xx"] += 1  # above 599: as a 5xx (RFC 9110, 15)
            one.outcomes[outcome] += 1
            for histogram, bucket in ((one.first_byte, first), (one.total, total)):
                if bucket is not None:
                    histogram.counts[bucket] = histogram.counts.get(bucket, 0) + 1
        self.statuses[status] += 1
        self.targets[target if target in self.targets or len(self.targets) < _SLOTS else "(others)"] += 1


def _part(fields: Mapping[str, Any], counts: Iterable[str], counters: Iterable[str]) -> _Part:
    """KeyError, TypeError, AttributeError or ValueError for what is damaged."""
    return _Part(
        counts={name: int(fields[name]) for name in counts},
        counters={name: Counter({key: int(count) for key, count in fields[name].items()}) for name in counters},
        registers=sparse.decode(fields["session_registers"], REGISTERS),
    )


def _tasks(fields: Mapping[str, Any]) -> list[tuple[str, str, _Part]]:
    """Name, state, numbers."""
    return [
        (str(task["task"]), str(task["state"]), _part(task, _TASK_COUNTS, _TASK_COUNTERS)) for task in fields["tasks"]
    ]


def _bucket(millis: object) -> int | None:
    """-1 stands for a moment that never came."""
    value = float(millis)  # type: ignore[arg-type]
    return None if value < 0 else min(bucket_of(round(value * 1000)), BUCKETS - 1)
