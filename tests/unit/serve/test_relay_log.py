from __future__ import annotations

import logging

import pytest

from faststicky.serve.relay_log import FloodGate, RelayLog


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_gate_counts_each_kind_and_opens_again(clock):
    gate = FloodGate(2, clock)
    assert [gate.passes(("a", "")) for _ in range(4)] == [True, True, False, False]
    assert gate.passes(("b", ""))
    assert gate.summaries() == {("a", ""): 2}
    assert gate.summaries() == {}
    assert not gate.passes(("a", ""))
    clock.now = 1.0
    assert gate.passes(("a", ""))
    assert gate.summaries() == {("a", ""): 1}


def test_a_flood_becomes_a_few_lines_and_a_number(clock, caplog):
    relay_log = RelayLog(FloodGate(3, clock))
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            relay_log.write(0, {"event": "answered", "status": 503, "service": "web"})
        relay_log.write(0, {"event": "answered", "status": 404})
        relay_log.tell_suppressed()
        relay_log.tell_suppressed()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["answered"] * 4 + ["relay events suppressed"]
    last = caplog.records[-1]
    assert (last.kind, last.service, last.number) == ("answered 503", "web", 47)


def test_a_service_that_is_down_does_not_hide_another(clock, caplog):
    relay_log = RelayLog(FloodGate(3, clock))
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            relay_log.write(0, {"event": "answered", "status": 503, "service": "web"})
        relay_log.write(0, {"event": "answered", "status": 503, "service": "api"})
    assert [record.service for record in caplog.records] == ["web"] * 3 + ["api"]


def test_the_gate_forgets_what_is_quiet(clock):
    gate = FloodGate(1, clock)
    for number in range(1000):
        gate.passes(("answered 503", f"s{number}"))
    clock.now = 2.0
    gate.summaries()
    assert gate._kinds == {}


def test_what_is_worth_a_warning_says_what_to_do(clock, caplog):
    relay_log = RelayLog(FloodGate(9, clock))
    with caplog.at_level(logging.INFO):
        relay_log.write(0, {"event": "answered", "status": 503, "reason": "no-backend", "service": "web"})
        relay_log.write(0, {"event": "restored", "backend": "web.1"})
        relay_log.lost(0, 3)
    warned, restored, lost = caplog.records
    assert "docker service ps web" in warned.remedy
    assert (restored.levelname, hasattr(restored, "remedy")) == ("INFO", False)
    assert lost.remedy


def test_details_and_levels(clock, caplog):
    relay_log = RelayLog(FloodGate(9, clock))
    with caplog.at_level(logging.INFO):
        relay_log.write(2, {"event": "answered", "status": 404, "reason": b"no route", "name": "x", "message": "y"})
        relay_log.write(2, {"event": "answered", "status": 502})
        relay_log.write(2, {"event": "upstream failed", "backend": "b", "status": 0, "service": None})
        relay_log.lost(2, 7)
        relay_log.lost(2, 0)
    first, second, third, fourth = caplog.records
    assert (first.levelname, first.worker, first.reason, first.relay_name, first.relay_message) == (
        "INFO",
        2,
        "no route",
        "x",
        "y",
    )
    assert (second.levelname, third.levelname) == ("WARNING", "WARNING")
    assert (third.getMessage(), third.backend) == ("upstream failed", "b")
    assert not {"status", "service"} & vars(third).keys()
    assert fourth.number == 7
