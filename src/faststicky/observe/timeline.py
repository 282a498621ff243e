"""Intervals of many nodes as points on one time axis."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import msgspec

from faststicky.observe.histogram import Histogram
from faststicky.observe.log_report import Moment


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What ended at `time`: requests and errors a second, percentiles of the first byte in milliseconds."""

    time: datetime.datetime
    rate: float
    errors: float
    p50: float | None
    p99: float | None


def points(moments: Sequence[Moment], most: int = 60) -> tuple[float, list[Point]]:
    """At most `most` points of one width in seconds, and that width; where nothing was reported the rate is 0.

    Intervals of nodes begin at different moments, and none lasts as long as a point is wide: their counts are spread evenly over
    the points that they overlap, lest two intervals fall into one point and none into the next.
    """
    if not moments:
        return 0.0, []
    begin = min(_begin(moment) for moment in moments)
    whole = (max(moment.time for moment in moments) - begin).total_seconds()
    longest = max(moment.seconds for moment in moments)
    count = max(1, min(most, round(whole / longest)))
    step = whole / count
    requests, errors, histograms = [0.0] * count, [0.0] * count, [Histogram() for _ in range(count)]
    for moment in moments:
        start = (_begin(moment) - begin).total_seconds()
        for place in range(int(start / step), count):
            overlap = min(start + moment.seconds, (place + 1) * step) - max(start, place * step)
            if overlap <= 0:
                break
            requests[place] += moment.requests * overlap / moment.seconds
            errors[place] += moment.errors * overlap / moment.seconds
            if overlap >= 0.499 * min(step, moment.seconds):  # they cannot be split: where most of the time is
                histograms[place].add(moment.first_byte)
    made = []
    for place, histogram in enumerate(histograms):
        p50, p99 = (None if value is None else round(value * 1000, 3) for value in histogram.percentiles((50.0, 99.0)))
        time = begin + datetime.timedelta(seconds=(place + 1) * step)
        rate, failed = round(requests[place] / step, 2), round(errors[place] / step, 2)
        made.append(Point(time=time, rate=rate, errors=failed, p50=p50, p99=p99))
    return round(step, 3), made


def _begin(moment: Moment) -> datetime.datetime:
    return moment.time - datetime.timedelta(seconds=moment.seconds)
