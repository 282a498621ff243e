from __future__ import annotations

from faststicky.core._stats import REGION_SIZE, read_backend
from faststicky.observe.numbers import Numbers, hit_rate, moved, moved_text, summed


def counters(**changes: object) -> dict[str, object]:
    """As the core gives them."""
    return {**read_backend(bytearray(REGION_SIZE), 1), **changes}


def test_workers_are_added_and_moments_subtracted():
    before = Numbers()
    before.add(counters(requests=3, answers=[0, 0, 3, 0, 0, 0], outcomes={"hit": 2}))
    now = Numbers()
    now.add(counters(requests=5, answers=[0, 0, 4, 0, 0, 1], outcomes={"hit": 3, "new": 1}, in_flight=2))
    now.add(counters(requests=1, in_flight=7), gauges=False)  # what a dead worker left behind
    assert (now.requests, now.in_flight) == (6, 2)
    part = now.since(before)
    assert (part.requests, part.answers, part.in_flight) == (3, [0, 0, 1, 0, 0, 1], 2)
    assert part.outcomes["hit"] == 1
    assert part.outcomes["new"] == 1
    assert now.since(None) is now
    assert before.since(now).requests == 0  # counters that began anew


def test_each_has_its_own():
    one, other = Numbers(), Numbers()
    one.add(counters(outcomes={"hit": 1}, failures={"502": 1}, sessions=bytes([1] + [0] * 127)))
    assert (other.outcomes, other.failures, other.registers) == ({}, {}, [])
    assert other.sessions() == 0
    assert other.merged_registers() == b""
    assert one.sessions() == 1


def test_silence():
    numbers = Numbers()
    numbers.add(counters())
    assert numbers.is_silent
    numbers.add(counters(failures={"503": 1}))
    assert not numbers.is_silent


def test_hit_rate_counts_those_that_came_with_a_cookie():
    assert hit_rate({"new": 5, "none": 3}) is None
    assert hit_rate({"new": 5, "hit": 6, "draining": 1, "foreign": 1, "previous": 1, "slot": 1, "moved_gone": 0}) == 0.9
    assert hit_rate({"hit": 6, "slot": 1, "moved_gone": 2, "moved_leaving": 1}) == 0.6


def test_who_was_moved_and_why():
    outcomes = {"hit": 6, "slot": 1, "moved_gone": 2000, "moved_leaving": 1, "moved_down": 0}
    assert moved(outcomes) == {"gone": 2000, "leaving": 1}
    assert moved_text(outcomes) == "2,001 moved: 2,000 gone, 1 leaving"
    assert moved_text({"hit": 6, "moved_gone": 0}) == ""


def test_summed():
    assert summed([{"a": 1}, {"a": 2, "b": 3}]) == {"a": 3, "b": 3}
