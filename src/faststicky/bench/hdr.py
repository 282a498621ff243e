"""HdrHistogram logs, which HistogramLogAnalyzer, hdr-plot and others read. Values are microseconds."""

from __future__ import annotations

import time
from pathlib import Path

from hdrh.log import HistogramLogWriter

from faststicky.bench.result import Result
from faststicky.bench.slices import Slice
from faststicky.observe.hdr_log import to_hdr


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
            interval = to_hdr((part.corrected if result.open_loop else part.latency).values())
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
