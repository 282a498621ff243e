from __future__ import annotations

from faststicky.serve.history import POINTS, WINDOW, History
from unit.observe.samples import sample, service


def at(second: float, requests: int, *names: str):
    one = {"requests": requests, "millis": (10,) * requests, "answers": [0, 0, 0, 0, 0, requests // 2]}
    return sample(service("", **one), *(service(name, **one) for name in names), at=second)


def test_a_rate_needs_two_samples():
    history = History()
    assert history.last is None
    history.add(at(0, 0, "web"))
    assert (history.points(), history.newest(), history.window()) == ({}, {}, None)
    history.add(at(2, 10, "web"))
    rate, errors, p50, p99 = history.newest()["web"]
    assert (rate, errors) == (5.0, 2.5)
    assert p50 is not None
    assert 10 <= p50 == p99 <= 10.4
    assert history.newest()[""] == history.newest()["web"]


def test_percentiles_are_of_the_last_window_only():
    history = History()
    for second in range(WINDOW + 2):
        history.add(at(second, 0 if second == 0 else 10, "web"))
    assert history.newest()["web"] == [0.0, 0.0, None, None]
    window = history.window()
    assert window is not None
    assert window.seconds == WINDOW


def test_errors_without_a_request_that_was_counted_are_shown():
    history = History()
    for errors in (0, 4):
        history.add(sample(service("", requests=0, answers=[0, 0, 0, 0, 0, errors]), at=float(errors)))
    assert history.newest()[""] == [0.0, 1.0, None, None]


def test_it_keeps_the_last_minutes_and_forgets_services():
    history = History()
    for second in range(POINTS + 10):
        history.add(at(second, second, "web"))
    assert len(history.points()["web"]) == POINTS
    history.add(at(POINTS + 10, POINTS + 10))
    assert set(history.points()) == {""}
