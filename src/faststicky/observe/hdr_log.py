"""A report's latencies as an HdrHistogram log, which HistogramLogAnalyzer, hdr-plot and others read.

A line for each service, kind of time and step of the report's time, with the tags `SERVICE/first_byte` and `SERVICE/total`; of all
traffic `first_byte` and `total`. Values are microseconds, at the upper ends of our buckets: what other tools say of a percentile
is what our tables say, to the three digits that are kept.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from typing import IO

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from faststicky.core._stats import bucket_bounds
from faststicky.observe.histogram import Histogram
from faststicky.observe.log_report import Interval, Report

LONGEST = 2**32  # microseconds: where the last bucket ends
DIGITS = 3
STEPS = 1000  # into which a long time is put together

_NO_TAG = re.compile(r"[\s,]+")  # ends a tag, or the line


def to_hdr(values: Iterable[tuple[int, int]]) -> HdrHistogram:
    """values: microseconds, and how often."""
    found = HdrHistogram(1, LONGEST, DIGITS)
    for value, count in values:
        found.record_value(min(max(value, 1), LONGEST), count)
    return found


def write(file: IO[str], report: Report) -> None:
    """report: made with `keep_intervals`. Without statistics lines the access lines are written, in one step."""
    log = HistogramLogWriter(file)
    log.output_comment(
        "faststicky stats; microseconds; all nodes together; the tag is the service and the kind of time"
    )
    log.output_log_format_version()
    log.output_legend()
    for begin, seconds, tag, histogram in _steps(report):
        file.write(f"Tag={tag},")
        found = to_hdr((bucket_bounds(bucket)[1], count) for bucket, count in sorted(histogram.counts.items()))
        found.set_start_time_stamp(round(begin.timestamp() * 1000))
        found.set_end_time_stamp(round((begin.timestamp() + seconds) * 1000))
        log.output_interval_histogram(found, max_value_unit_ratio=1)


def _steps(report: Report) -> Iterator[tuple[datetime.datetime, float, str, Histogram]]:
    if report.intervals:
        yield from _of_intervals(report.intervals)
    elif report.first is not None and report.last is not None:
        seconds = (report.last - report.first).total_seconds()
        for name, one in [("", report.access), *sorted(report.access_services.items())]:
            for kind, histogram in (("first_byte", one.first_byte), ("total", one.total)):
                if histogram.counts:
                    yield report.first, seconds, _tag(name, kind), histogram


def _of_intervals(intervals: list[Interval]) -> Iterator[tuple[datetime.datetime, float, str, Histogram]]:
    first = min(each.time - datetime.timedelta(seconds=each.seconds) for each in intervals)
    longest = max(each.seconds for each in intervals)
    span = max((each.time - first).total_seconds() for each in intervals)
    step = max(longest, span / STEPS)
    sums: dict[tuple[int, str, str], Histogram] = {}
    for each in intervals:
        middle = (each.time - first).total_seconds() - each.seconds / 2
        for kind, text in (("first_byte", each.first_byte), ("total", each.total)):
            histogram = Histogram.decode(text)
            if histogram.counts:
                sums.setdefault((int(middle // step), each.service, kind), Histogram()).add(histogram)
    for (place, service, kind), histogram in sorted(sums.items(), key=lambda item: item[0]):
        yield first + datetime.timedelta(seconds=place * step), step, _tag(service, kind), histogram


def _tag(service: str, kind: str) -> str:
    return f"{_NO_TAG.sub('_', service)}/{kind}" if service else kind
