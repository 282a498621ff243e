from __future__ import annotations

import datetime

from faststicky.observe.histogram import Histogram
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


def test_a_steady_rate_is_shown_as_one():
    """Intervals of two nodes, not at the same moments; one was late, and so every point is wider than an interval."""
    made = []
    for offset in (0.0, 2.1):
        end = offset
        for number in range(28):
            seconds = 5.5 if number == 12 else 5.0
            end += seconds
            time = START + datetime.timedelta(seconds=end)
            made.append(Moment(time, seconds, int(30 * seconds), int(2 * seconds), Histogram({60: 150})))
    step, shown = points(made)
    assert all(59 < point.rate < 61 for point in shown[1:-1]), [point.rate for point in shown]
    assert all(3.9 < point.errors < 4.1 for point in shown[1:-1]), [point.errors for point in shown]
    assert all(point.p50 is not None for point in shown)
    assert abs(sum(point.rate for point in shown) * step - sum(moment.requests for moment in made)) < 5


def test_an_interval_as_short_as_none():
    moment = Moment(START, 0.001, 3, 0, Histogram({1: 3}))
    assert [point.rate for point in points([moment])[1]] == [3000.0]
