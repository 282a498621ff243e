"""When users leave a backend that is being stopped."""

from __future__ import annotations

import msgspec
import pytest

from faststicky.control.departure import PATIENCE, Departures
from unit.control.worlds import backend, service, snapshot


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def departures(clock):
    return Departures(clock)


def states(found):
    return {b.id: b.state for s in found.services for b in s.backends}


def world(**of_draining):
    return snapshot(service(backend("old", state="draining", **of_draining), backend("new")))


def test_nobody_leaves_where_nothing_stops(departures):
    quiet = snapshot(service(backend("a"), backend("b", state="down"), backend("c", state="leaving")))
    assert departures.apply(quiet) is quiet
    assert departures.wait is None


def test_users_leave_a_while_after_the_change(departures, clock):
    found = world()
    assert departures.apply(found) is found
    assert departures.wait == pytest.approx(PATIENCE)
    clock.now += PATIENCE - 0.01
    assert departures.apply(found) is found
    assert departures.wait == pytest.approx(0.01)
    clock.now += 0.02
    assert states(departures.apply(found)) == {"old": "leaving", "new": "up"}
    assert departures.wait is None
    clock.now += 100
    assert states(departures.apply(world())) == {"old": "leaving", "new": "up"}


def test_who_is_up_again_begins_anew(departures, clock):
    departures.apply(world())
    clock.now += PATIENCE
    departures.apply(snapshot(service(backend("old"), backend("new"))))
    assert states(departures.apply(world()))["old"] == "draining"
    assert departures.wait == pytest.approx(PATIENCE)


def test_users_may_stay(departures, clock):
    departures.apply(world(drain="stay"))
    assert departures.wait is None
    clock.now += 3600
    assert states(departures.apply(world(drain="stay")))["old"] == "draining"
    departures.apply(world())  # what kept them there has ended: their time begins now
    assert departures.wait == pytest.approx(PATIENCE)


def test_the_last_one_is_not_left_until_there_is_another(departures, clock):
    alone = snapshot(service(backend("old", state="draining"), backend("dead", state="leaving")))
    departures.apply(alone)
    clock.now += 3600
    assert departures.apply(alone) is alone
    assert departures.wait is None
    assert states(departures.apply(world())) == {"old": "leaving", "new": "up"}  # at once: its time is long over


def test_a_removed_service_is_left_all_the_same(departures, clock):
    (one,) = snapshot(service(backend("a", state="draining"), backend("b", state="draining", drain="stay"))).services
    removed = snapshot(msgspec.structs.replace(one, removed=True))
    departures.apply(removed)
    clock.now += PATIENCE
    assert states(departures.apply(removed)) == {"a": "leaving", "b": "draining"}


def test_each_has_its_own_time(departures, clock):
    departures.apply(world())
    clock.now += 1.0
    both = snapshot(
        service(backend("old", state="draining"), backend("next", state="draining"), backend("new")),
    )
    departures.apply(both)
    assert departures.wait == pytest.approx(PATIENCE - 1.0)
    clock.now += PATIENCE - 1.0
    assert states(departures.apply(both)) == {"old": "leaving", "next": "draining", "new": "up"}
    assert departures.wait == pytest.approx(1.0)
