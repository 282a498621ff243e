"""Latency histograms: sparse, mergeable without loss, and short enough for a log line.

The buckets are the core's (`core/_stats`): 32 an octave, so that a value is known to 3 %. Adding two histograms adds
their counts, so that percentiles of several workers, nodes and intervals are as exact as those of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from faststicky.core._stats import BUCKETS, bucket_bounds
from faststicky.observe import sparse


class Histogram:
    """Counts by bucket; buckets that counted nothing are not there."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: dict[int, int] = dict(counts or {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return f"Histogram({self.counts})"

    @property
    def count(self) -> int:
        """How many values were measured."""
        return sum(self.counts.values())

    def add(self, other: Histogram) -> None:
        """Merge `other` into this one."""
        self.add_counts(other.counts)

    def add_counts(self, counts: Mapping[int, int]) -> None:
        """The same of counts by bucket, as core._stats gives them."""
        for bucket, count in counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count

    def since(self, before: Histogram) -> Histogram:
        """What was counted after `before`, an earlier reading of the same counters."""
        if before is self:
            return Histogram()
        left = {bucket: count - before.counts.get(bucket, 0) for bucket, count in self.counts.items()}
        return Histogram({bucket: count for bucket, count in left.items() if count > 0})

    def percentile(self, percent: float) -> float | None:
        """Seconds that `percent` of all values do not exceed (their bucket's upper end). None if there is no value."""
        return next(self.percentiles((percent,)))

    def percentiles(self, percents: Iterable[float]) -> Iterator[float | None]:
        """One for each of `percents`, which must rise. 100 gives the maximum."""
        total, seen, buckets, highest = self.count, 0, iter(sorted(self.counts)), None
        for percent in percents:
            rank = max(1, -int(-total * percent // 100))  # rounded up, without floats' errors for whole percents
            while total and seen < rank:
                bucket = next(buckets)
                seen += self.counts[bucket]
                highest = bucket_bounds(bucket)[1] / 1e6
            yield highest

    def encode(self) -> str:
        """For a log line (observe/sparse.py)."""
        return sparse.encode(self.counts)

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """From a log line. Raises ValueError for what `encode` did not write."""
        return cls(sparse.decode(text, BUCKETS))
