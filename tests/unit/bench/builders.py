"""Slices and results made by hand."""

from __future__ import annotations

from typing import Any

from faststicky.bench.plan import Plan, Target
from faststicky.bench.result import Result
from faststicky.bench.slices import Histogram, Slice
from faststicky.core._load import Histogram as Counting

TARGET = Target(
    url="http://a/", host="127.0.0.1", port=80, authority="a", path="/", tls=False, name="a"
)  # fmt: skip


def histogram(*microseconds: int) -> Histogram:
    """These values, counted by the core."""
    counting = Counting()
    for value in microseconds:
        counting.record(value)
    return Histogram.of(counting.take())


def part(begin: float, *latencies: int, **fields: Any) -> Slice:
    """A quarter of a second with these latencies."""
    return Slice(
        begin=begin, end=begin + 0.25, requests=len(latencies), latency=histogram(*latencies),
        answers=[0, 0, len(latencies), 0, 0, 0], **fields,
    )  # fmt: skip


def result(*slices: Slice, **plan: Any) -> Result:
    """What a plan with these slices found."""
    return Result.of(Plan(target=TARGET, **plan), slices)
