"""HdrHistogram logs, which HistogramLogAnalyzer, hdr-plot and others read. Values are microseconds."""

from __future__ import annotations

import time
from pathlib import Path

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from faststicky.bench.result import Result
from faststicky.bench.slices import Histogram, Slice

LONGEST = 3_600_000_000  # microseconds


def hdr_of(histogram: Histogram) -> HdrHistogram:
    """The same counts with three significant digits (of which core's buckets know 1.5)."""
    found = HdrHistogram(1, LONGEST, 3)
    for value, count in histogram.values():
        found.record_value(min(max(value, 1), LONGEST), count)
    return found


def write_log(path: Path, result: Result) -> None:
    """One line for each second of the counted part, on the latency that `result` reports."""
    began = time.time() - result.seconds
    with path.open("w", encoding="ascii") as file:
        log = HistogramLogWriter(file)
        log.output_comment(f"faststicky bench {result.url}; microseconds")
        log.output_log_format_version()
        log.output_base_time(int(began * 1000))
        log.output_legend()
        for second, part in by_second(result).items():
            interval = hdr_of(part.corrected if result.open_loop else part.latency)
            interval.set_start_time_stamp(int(began * 1000) + second * 1000)
            interval.set_end_time_stamp(int(began * 1000) + second * 1000 + 1000)
            log.output_interval_histogram(interval, max_value_unit_ratio=1)


def by_second(result: Result) -> dict[int, Slice]:
    """The slices of all processes summed up by the second of the counted part in which they began."""
    counted = [each for each in result.slices if each.phase != "warm-up"]
    zero = min((each.begin for each in counted), default=0.0)
    found: dict[int, Slice] = {}
    for each in counted:
        found.setdefault(int(each.begin - zero + 1e-6), Slice()).add(each)
    return dict(sorted(found.items()))
