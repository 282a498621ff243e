from __future__ import annotations

import datetime

from faststicky.observe.log_report import Moment, Report
from faststicky.observe.timeline import points
from unit.observe.logs import START, stats


def moments(*seconds: float) -> list[Moment]:
    report = Report()
    for second in seconds:
        report.add_all(stats("a", int(second), (5, 7)))
    return report.timeline


def test_none():
    assert points([]) == (0.0, [])


def test_intervals_of_several_nodes_at_one_time():
    step, made = points([*moments(0, 10, 20), *moments(0, 10, 20)])
    assert step == 10.0
    assert [point.rate for point in made] == [0.4, 0.4, 0.4]
    assert [point.time - START for point in made] == [datetime.timedelta(seconds=second) for second in (0, 10, 20)]
    assert made[0].p50 is not None
    assert 5 <= made[0].p50 <= 5.2


def test_a_gap_is_a_rate_of_0():
    _, made = points(moments(0, 30))
    assert [(point.rate, point.p99 is None) for point in made] == [(0.2, False), (0.0, True), (0.0, True), (0.2, False)]


def test_a_long_time_is_put_together():
    _, made = points(moments(*range(0, 6000, 10)))
    assert 55 <= len(made) <= 62
    assert abs(sum(point.rate for point in made) / len(made) - 0.2) < 0.02
