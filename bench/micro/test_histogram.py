"""Counting a latency: through its window, so mostly the price of a Python call."""

from __future__ import annotations

from typing import Any

import hdrh.histogram

from faststicky.core._load import Histogram


def test_ours(benchmark: Any) -> None:
    benchmark.group = "histogram"
    histogram = Histogram()
    benchmark(histogram.record, 12_345)
    assert histogram.take()[0]


def test_hdrhistogram(benchmark: Any) -> None:
    benchmark.group = "histogram"
    histogram = hdrh.histogram.HdrHistogram(1, 3_600_000_000, 3)
    benchmark(histogram.record_value, 12_345)
    assert histogram.get_total_count()
