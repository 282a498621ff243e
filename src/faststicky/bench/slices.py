"""What generator processes tell: counters and histograms of a quarter of a second, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from faststicky.core._stats import bucket_bounds

if TYPE_CHECKING:
    from faststicky.core._load import Counted, Taken

Phase = Literal["warm-up", "run", "tail"]
"""run: what counts. tail: answers to what was sent before the end; they count, but not for the rate."""


class Histogram(msgspec.Struct):
    """Latencies by bucket, with their exact sum and maximum in microseconds."""

    counts: dict[int, int] = msgspec.field(default_factory=dict)
    sum: int = 0
    longest: int = 0

    @classmethod
    def of(cls, counted: Counted) -> Histogram:
        """From what core took."""
        counts, total, longest = counted
        return cls(dict(counts), total, longest)

    @property
    def count(self) -> int:
        """Number of values."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float:
        """In microseconds; 0 without values."""
        return self.sum / self.count if self.counts else 0.0

    def add(self, other: Histogram) -> None:
        """Count what `other` has counted too."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.sum += other.sum
        self.longest = max(self.longest, other.longest)

    def percentile(self, share: float) -> int:
        """The value in microseconds that `share` (0 to 1) of all do not exceed, to 3 %; 0 without values."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(bucket_bounds(bucket)[1], self.longest)
        return self.longest

    def values(self) -> Iterable[tuple[int, int]]:
        """(microseconds, count), rising; the upper ends of buckets."""
        for bucket in sorted(self.counts):
            yield min(bucket_bounds(bucket)[1], self.longest), self.counts[bucket]


class Slice(msgspec.Struct, kw_only=True):
    """Counters of one process between two moments; times are seconds since the process began its load."""

    phase: Phase = "run"
    begin: float = 0.0
    end: float = 0.0
    requests: int = 0
    errors: dict[str, int] = msgspec.field(default_factory=dict)
    answers: list[int] = msgspec.field(default_factory=lambda: [0] * 6)
    bytes_in: int = 0
    bytes_out: int = 0
    connects: int = 0
    repeated: int = 0
    cookies_set: int = 0
    elsewhere: int = 0
    moved: int = 0
    latency: Histogram = msgspec.field(default_factory=Histogram)
    corrected: Histogram = msgspec.field(default_factory=Histogram)
    late: Histogram = msgspec.field(default_factory=Histogram)
    backends: dict[str, int] = msgspec.field(default_factory=dict)
    cpu: float = 0.0  # seconds of CPU time that the process used in it

    @classmethod
    def of(cls, taken: Taken, phase: Phase, begin: float, end: float, cpu: float) -> Slice:
        """From what core took."""
        found = cls(phase=phase, begin=begin, end=end, cpu=cpu, errors=taken["errors"], answers=taken["answers"])
        for name in _PLAIN:
            setattr(found, name, taken[name])  # type: ignore[literal-required]
        for name in _HISTOGRAMS:
            setattr(found, name, Histogram.of(taken[name]))  # type: ignore[literal-required]
        found.backends = {name.decode("latin-1").strip(): count for name, count in taken["backends"].items()}
        return found

    def add(self, other: Slice) -> None:
        """Count what `other` has counted too; the times are left."""
        for name in _PLAIN:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.cpu += other.cpu
        _sum_into(self.errors, other.errors)
        _sum_into(self.backends, other.backends)
        self.answers = [a + b for a, b in zip(self.answers, other.answers, strict=True)]
        for name in _HISTOGRAMS:
            getattr(self, name).add(getattr(other, name))

    @property
    def failures(self) -> dict[str, int]:
        """Errors of every kind: those of the connection, and answers that say that something is wrong."""
        found = dict(self.errors)
        for number in (4, 5):
            if self.answers[number]:
                found[f"status {number}xx"] = self.answers[number]
        return found


_PLAIN = ("requests", "bytes_in", "bytes_out", "connects", "repeated", "cookies_set", "elsewhere", "moved")
_HISTOGRAMS = ("latency", "corrected", "late")


def total(slices: Iterable[Slice]) -> Slice:
    """All of them as one, from the first begin to the last end."""
    found = Slice(begin=float("inf"), end=0.0)
    for each in slices:
        found.add(each)
        found.begin, found.end = min(found.begin, each.begin), max(found.end, each.end)
    found.begin = min(found.begin, found.end)
    return found


def _sum_into(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        sums[name] = sums.get(name, 0) + count
