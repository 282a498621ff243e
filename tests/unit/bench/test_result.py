from __future__ import annotations

import json

from unit.bench.builders import histogram, part, result


def test_the_warm_up_does_not_count_and_the_tail_not_for_the_rate():
    found = result(
        part(0, 9_000_000, phase="warm-up", cookies_set=3),
        part(1, 10, 20), part(1.25, 30), part(1.5, 40, phase="tail"),
        sessions=3,
    )  # fmt: skip
    assert (found.sum.requests, found.in_time, found.seconds, found.rate) == (4, 3, 0.5, 6.0)
    assert (found.latency, found.cookies) == (histogram(10, 20, 30, 40), 3)


def test_an_open_loop_reports_what_users_see():
    found = result(part(0, 10, corrected=histogram(500)), rate=100.0)
    assert found.latency == histogram(500)
    assert found.summary()["latency_us"]["p50"] == 500
    assert found.summary()["latency_uncorrected_us"]["p50"] == 10


def test_the_summary_is_json_and_hides_no_error():
    found = result(part(0, 10, errors={"timeout": 2}, elsewhere=1, moved=1), sessions=2)
    summary = json.loads(json.dumps(found.summary()))
    assert (found.failed, summary["errors"]) == (2, {"timeout": 2})
    assert summary["affinity"] == {"users": 2, "cookies_set": 0, "answered_by_another_backend": 1, "users_moved": 1}


def test_there_is_no_verdict_on_what_was_not_looked_at():
    for plan in ({"websocket": True}, {"identify": "nothing"}, {"sessions": 0}):
        assert "affinity" not in result(part(0, 10, cookies_set=1), **{"sessions": 2, **plan}).summary()


def test_nothing_at_all():
    assert (result().rate, result().failed, result().cpu_per_request) == (0.0, 0, 0.0)
