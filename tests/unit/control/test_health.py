"""Who is up, as checks have it."""

from __future__ import annotations

import logging

import msgspec
import pytest

from faststicky.control.health import Health, revived
from faststicky.model import HealthCheck, Snapshot
from unit.control.worlds import backend, service, snapshot

CHECK = HealthCheck(path="/health", rise=2, fall=3)


def checked(*backends, check: HealthCheck | None = CHECK) -> Snapshot:
    return snapshot(msgspec.structs.replace(service(*backends), health=check))


class World:
    def __init__(self) -> None:
        self.targets = ()
        self.asked = 0
        self.changes = 0
        self.health = Health(self._ask, self._change)

    def _ask(self, targets) -> None:
        self.targets = targets
        self.asked += 1

    def _change(self) -> None:
        self.changes += 1

    def states(self, world: Snapshot) -> dict[str, str]:
        return {b.id: b.state for s in self.health.apply(world).services for b in s.backends}

    def answer(self, ident: str, *problems: str) -> list[bool]:
        target = next(target for target in self.targets if target.key[1] == ident)
        return [self.health.record(target, problem) for problem in problems]


@pytest.fixture
def world() -> World:
    return World()


def test_without_checks_nothing_is_asked_and_nothing_changed(world):
    plain = snapshot(service(backend("a")))
    assert world.health.apply(plain) is plain
    assert world.asked == 0


def test_at_the_start_all_are_up_and_the_first_answer_decides(world):
    both = checked(backend("a"), backend("b", port=9000))
    assert world.health.apply(both) is both
    assert [(t.key, t.host, t.port) for t in world.targets] == [
        (("web", "a"), "10.0.0.5", 8000),
        (("web", "b"), "10.0.0.5", 9000),
    ]
    world.answer("a", "503")
    world.answer("b", "")
    assert world.changes == 1
    assert world.states(both) == {"a": "down", "b": "up"}


def test_it_takes_fall_failures_in_a_row_to_go_and_rise_successes_to_come_back(world, caplog):
    caplog.set_level(logging.INFO, "faststicky.control")
    one = checked(backend("a"))
    world.health.apply(one)
    world.answer("a", "", "503", "503", "", "503", "503")
    assert (world.changes, world.states(one)) == (0, {"a": "up"})
    world.answer("a", "503")
    assert (world.changes, world.states(one)) == (1, {"a": "down"})
    world.answer("a", "", "503", "")
    assert world.states(one) == {"a": "down"}
    world.answer("a", "")
    assert (world.changes, world.states(one)) == (2, {"a": "up"})
    assert [record.getMessage() for record in caplog.records] == [
        "backend web.a@node1 of service web is down: health check GET /health: 503, 3 of 3; "
        "see its log, or the path of its health check",
        "backend web.a@node1 of service web is up: health check GET /health: passed, 2 of 2",
    ]


def test_a_newcomer_waits_for_its_first_success(world, caplog):
    caplog.set_level(logging.INFO, "faststicky.control")
    world.health.apply(checked(backend("a")))
    world.answer("a", "")
    both = checked(backend("a"), backend("b"))
    assert world.states(both) == {"a": "up", "b": "down"}
    assert world.answer("b", "Connection refused", "Connection refused") == [True, True]
    assert world.states(both) == {"a": "up", "b": "down"}
    assert world.answer("b", "") == [False]
    assert world.states(both) == {"a": "up", "b": "up"}
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert "gets no requests before it is well: health check GET /health: Connection refused" in lines[0]
    assert lines[1].endswith("is up: health check GET /health: passed")


def test_a_check_that_is_added_to_a_running_service_takes_nobody_away(world):
    world.health.apply(checked(backend("a"), check=None))
    assert world.states(checked(backend("a"))) == {"a": "up"}
    world.answer("a", "404")
    assert world.states(checked(backend("a"))) == {"a": "down"}
    assert world.states(checked(backend("a"), check=None)) == {"a": "up"}


def test_what_is_known_survives_other_changes_and_is_forgotten_with_the_backend(world):
    world.health.apply(checked(backend("a"), backend("b")))
    world.answer("a", "503")
    slower = msgspec.structs.replace(CHECK, interval=60.0)
    assert world.states(checked(backend("a"), backend("b"), backend("c"), check=slower)) == {
        "a": "down",
        "b": "up",
        "c": "down",
    }
    gone = world.targets[0]
    assert world.states(checked(backend("b"))) == {"b": "up"}
    assert world.health.record(gone, "") is False
    assert world.states(checked(backend("a"), backend("b"))) == {"a": "down", "b": "up"}  # a newcomer again


def test_targets_are_told_only_when_they_change(world):
    one = checked(backend("a"))
    world.health.apply(one)
    world.health.apply(checked(backend("a", state="draining")))
    assert world.asked == 1
    world.health.apply(checked(backend("a", host="10.0.0.9")))
    assert world.asked == 2


def test_one_that_is_going_is_never_raised(world):
    world.health.apply(checked(backend("a"), backend("b")))
    world.answer("a", "")
    world.answer("b", "503")
    going = checked(backend("a", state="draining"), backend("b", state="draining"), backend("c", state="draining"))
    assert world.states(going) == {"a": "draining", "b": "down", "c": "draining"}
    world.answer("c", "")
    assert world.states(checked(backend("b", state="leaving"), backend("c", state="leaving"))) == {
        "b": "leaving",
        "c": "leaving",
    }


def test_a_port_of_its_own(world):
    world.health.apply(checked(backend("a"), check=HealthCheck(path="/", port=9999)))
    assert world.targets[0].port == 9999


def test_a_saved_table_begins_anew():
    saved = checked(backend("a", state="down"), backend("b", state="draining"))
    assert [b.state for b in revived(saved).services[0].backends] == ["up", "draining"]
