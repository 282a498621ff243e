"""The core's counters, summed over workers and subtracted between two moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from faststicky.core._stats import count_sessions, merge_sessions

if TYPE_CHECKING:
    from faststicky.core._stats import Counters

_COUNTS = ("requests", "bytes_in", "bytes_out", "retries", "connect_errors", "resets", "ejections")

KEPT = ("hit", "draining", "foreign", "previous")
"""Outcomes of a request whose cookie led to the backend that it names."""
MOVED = "moved_"
"""How the outcomes begin of a request whose cookie named a backend that could not have it, and which went to any other one; what
follows says why. After `slot` it went to the successor."""


class Numbers(msgspec.Struct, kw_only=True):
    """Of a service or a backend. in_flight, queued, ejected (by how many workers) and sessions are of one moment, all else
    counts."""

    requests: int = 0
    answers: list[int] = msgspec.field(default_factory=lambda: [0] * 6)  # by class, [2] is 2xx
    failures: dict[str, int] = {}
    bytes_in: int = 0
    bytes_out: int = 0
    retries: int = 0
    connect_errors: int = 0
    resets: int = 0
    ejections: int = 0
    outcomes: dict[str, int] = {}
    in_flight: int = 0
    queued: int = 0
    ejected: int = 0
    registers: list[bytes] = []  # of distinct users, one from each worker

    def add(self, counters: Counters, *, gauges: bool = True) -> None:
        """One worker's. gauges: False for what a worker that is gone has left behind."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + counters[name])  # type: ignore[literal-required]
        self.answers = [a + b for a, b in zip(self.answers, counters["answers"], strict=True)]
        _add(self.failures, counters["failures"])
        _add(self.outcomes, counters["outcomes"])
        if gauges:
            self.in_flight += counters["in_flight"]
            self.queued += counters["queued"]
            self.ejected += counters["ejected"]
        if any(counters["sessions"]):
            self.registers.append(counters["sessions"])

    def since(self, before: Numbers | None) -> Numbers:
        """What was counted after `before`; what is of one moment stays as it is."""
        if before is None:
            return self
        if before is self:
            return Numbers(in_flight=self.in_flight, queued=self.queued, ejected=self.ejected, registers=self.registers)
        counts = {name: max(0, getattr(self, name) - getattr(before, name)) for name in _COUNTS}
        return msgspec.structs.replace(
            self,
            **counts,
            answers=[max(0, a - b) for a, b in zip(self.answers, before.answers, strict=True)],
            failures=_less(self.failures, before.failures),
            outcomes=_less(self.outcomes, before.outcomes),
        )

    @property
    def is_silent(self) -> bool:
        """True if nothing was counted and nothing is under way."""
        return not (
            any(getattr(self, name) for name in _COUNTS)
            or any(self.answers)
            or any(self.failures.values())
            or self.in_flight
            or self.queued
        )

    def merged_registers(self) -> bytes:
        """Of all workers; empty if nobody was seen."""
        return merge_sessions(self.registers) if self.registers else b""

    def sessions(self) -> int:
        """Distinct users of the last 5 to 10 minutes, estimated."""
        return count_sessions(merge_sessions(self.registers)) if self.registers else 0


def hit_rate(outcomes: Mapping[str, int]) -> float | None:
    """Of the requests that came with a cookie of ours: the part that reached the backend it names. None without any."""
    kept = sum(outcomes.get(name, 0) for name in KEPT)
    lost = outcomes.get("slot", 0) + sum(moved(outcomes).values())
    return kept / (kept + lost) if kept + lost else None


def moved(outcomes: Mapping[str, int]) -> dict[str, int]:
    """How many requests were moved, by reason: gone (the table has neither the task nor its slot), leaving (it is being stopped),
    down (it is known not to serve), ejected (requests to it have failed), failed (this one has)."""
    return {name.removeprefix(MOVED): count for name, count in outcomes.items() if name.startswith(MOVED) and count}


def moved_text(outcomes: Mapping[str, int]) -> str:
    """For people: "12 moved: 9 leaving, 3 failed"; empty if nobody was."""
    by_reason = moved(outcomes)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in by_reason.items())
    return f"{sum(by_reason.values()):,} moved: {reasons}" if by_reason else ""


def failures_text(failures: Mapping[str, int]) -> str:
    """For people: "5 own answers: 4 503, 1 504"; empty if there was none."""
    counted = {status: count for status, count in failures.items() if count}
    statuses = ", ".join(f"{count:,} {status}" for status, count in counted.items())
    return f"{sum(counted.values()):,} answered by the proxy itself: {statuses}" if counted else ""


def summed(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Key by key."""
    total: dict[str, int] = {}
    for part in parts:
        _add(total, part)
    return total


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for key, number in more.items():
        total[key] = total.get(key, 0) + number


def _less(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {key: more for key, number in now.items() if (more := number - before.get(key, 0)) > 0}
