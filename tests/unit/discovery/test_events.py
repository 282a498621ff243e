"""Events as hints: each wakes, a broken stream is opened again, and stopping is prompt."""

from __future__ import annotations

import threading

import pytest

from faststicky.discovery import events
from faststicky.discovery.events import EventHints
from unit.discovery import engine as fake


class Counter:
    def __init__(self):
        self.count = 0
        self.kinds = []
        self._changed = threading.Condition()

    def __call__(self, kind):
        with self._changed:
            self.kinds.append(kind)
            self.count += 1
            self._changed.notify_all()

    def reach(self, count):
        with self._changed:
            return self._changed.wait_for(lambda: self.count >= count, 20)


@pytest.fixture
def hints(engine, monkeypatch):
    monkeypatch.setattr(events, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(events, "LAST_PAUSE", 0.05)
    woken = Counter()
    hints = EventHints(engine.endpoint, woken)
    hints.start()
    yield engine, woken
    assert hints.stop(10)


def test_a_new_stream_and_every_event_wake(hints):
    engine, woken = hints
    assert woken.reach(1)  # what happened before the stream is not reported
    engine.emit({"Type": "service", "Action": "update"})
    assert woken.reach(2)
    engine.emit({"Type": "container", "Action": "die"})
    assert woken.reach(3)
    assert woken.kinds == ["", "service", "container"]
    (filters,) = engine.calls("events")
    assert set(filters["type"]) == {"service", "node", "container"}
    assert "exec_create" not in filters["event"]


def test_a_stream_that_ends_is_opened_again(hints):
    engine, woken = hints
    assert woken.reach(1)
    for number in (2, 3):
        engine.cut_streams()
        assert woken.reach(number)


@pytest.mark.parametrize("fault", [fake.refuse(500, "no"), fake.refuse(403, "no"), fake.hang_up, fake.garbage])
def test_an_engine_without_events_is_asked_again(hints, fault):
    engine, woken = hints
    assert woken.reach(1)
    engine.faults["events"] = fault
    engine.cut_streams()
    before = len(engine.calls("events"))
    ticker = threading.Event()
    for _ in range(1000):
        if len(engine.calls("events")) >= before + 2:
            break
        ticker.wait(0.02)
    engine.faults.clear()
    assert woken.reach(woken.count + 1)


def test_stopping_without_an_engine():
    hints = EventHints("unix:///nonexistent/docker.sock", lambda _: None)
    hints.start()
    assert hints.stop(10)
