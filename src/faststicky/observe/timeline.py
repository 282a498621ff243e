"""Intervals of many nodes as points on one time axis."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import msgspec

from faststicky.observe.histogram import Histogram
from faststicky.observe.log_report import Moment


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What ended around `time`: requests and errors a second, percentiles of the first byte in milliseconds."""

    time: datetime.datetime
    rate: float
    errors: float
    p50: float | None
    p99: float | None


def points(moments: Sequence[Moment], most: int = 60) -> tuple[float, list[Point]]:
    """About `most` points of one width in seconds, and that width; where nothing was reported the rate is 0."""
    if not moments:
        return 0.0, []
    first, last = min(moment.time for moment in moments), max(moment.time for moment in moments)
    step = max(max(moment.seconds for moment in moments), (last - first).total_seconds() / most + 0.001)
    count = round((last - first).total_seconds() / step) + 1
    sums = [(0, 0, Histogram()) for _ in range(count)]
    for moment in moments:
        place = round((moment.time - first).total_seconds() / step)
        requests, errors, histogram = sums[place]
        histogram.add(moment.first_byte)
        sums[place] = (requests + moment.requests, errors + moment.errors, histogram)
    made = []
    for place, (requests, errors, histogram) in enumerate(sums):
        p50, p99 = (None if value is None else round(value * 1000, 3) for value in histogram.percentiles((50.0, 99.0)))
        time = first + datetime.timedelta(seconds=place * step)
        made.append(Point(time=time, rate=round(requests / step, 2), errors=round(errors / step, 2), p50=p50, p99=p99))
    return round(step, 3), made
