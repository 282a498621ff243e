"""From tasks to backends."""

from __future__ import annotations

import pytest

from faststicky.discovery.swarm_backends import Backends
from faststicky.discovery.swarm_shapes import Node, Service, Task
from faststicky.labels.dialects import read
from unit.discovery import engine as fake

LABELS = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}
SERVICE = fake.decoded(fake.service("web", LABELS), Service)


def reading(**more):
    found, warnings = read("web", {**LABELS, **{"faststicky." + key: value for key, value in more.items()}})
    assert warnings == ()
    return found


def tasks(*slots, network="app", **more):
    return [fake.decoded(fake.task("web", i, (network, f"10.0.0.{i}/24"), **more), Task) for i in slots]


def nodes(**more):
    return {"node1": fake.decoded(fake.node("node1", **more), Node)}


def test_what_a_backend_is_made_of():
    (found,), problems = Backends().of(SERVICE, reading(drain="stay", weight="3"), tasks(2), nodes(hostname="n"), None)
    assert (found.id, found.name, found.host, found.port, found.weight) == ("web-2", "web.2@n", "10.0.0.2", 80, 3)
    assert (found.state, found.slot, found.node, found.drain) == ("up", "web-id/2", "node1", "stay")
    assert problems == ()


def test_what_has_not_changed_is_the_same_object():
    backends = Backends()
    first = backends.of(SERVICE, reading(), tasks(1, 2), nodes(), None)
    backends.trim()
    assert backends.of(SERVICE, reading(), tasks(1, 2), nodes(), None) is first
    backends.trim()
    backends.trim()
    assert backends.of(SERVICE, reading(), tasks(1, 2), nodes(), None) is not first


@pytest.mark.parametrize(
    "change",
    [
        {"reading": reading(port="81")},
        {"tasks": tasks(1)},
        {"tasks": tasks(1, 2, desired="shutdown")},
        {"nodes": nodes(availability="drain")},
        {"nodes": nodes(state="down")},
        {"nodes": {}},
        {"own": frozenset({"other"})},
    ],
)
def test_any_change_is_seen(change):
    backends = Backends()
    same = {"reading": reading(), "tasks": tasks(1, 2), "nodes": nodes(hostname="n"), "own": None}
    first = backends.of(SERVICE, **same)
    backends.trim()
    second = backends.of(SERVICE, **{**same, **change})
    assert second != first
    assert second == Backends().of(SERVICE, **{**same, **change})


def test_network_trouble_is_told_once_a_kind_and_only_of_tasks_that_are_up():
    _, problems = Backends().of(SERVICE, reading(), tasks(1, 2), nodes(), frozenset({"other"}))
    assert [(p.service, p.label) for p in problems] == [("web", "faststicky.network")]
    _, problems = Backends().of(SERVICE, reading(), tasks(1, 2, desired="shutdown"), nodes(), frozenset({"other"}))
    assert problems == ()


def test_a_task_without_an_address_is_left_out():
    found, problems = Backends().of(SERVICE, reading(), tasks(1, network="ingress"), nodes(), None)
    assert found == ()
    assert len(problems) == 1


def updated(state="updating", image="app:2"):
    return fake.decoded(fake.service("web", LABELS, state, image), Service)


def outdated(service, *images, **more):
    """Which of a service's tasks, made from these images, are marked."""
    found = [task for slot, image in enumerate(images, 1) for task in tasks(slot, image=image, **more)]
    backends, _ = Backends().of(service, reading(), found, nodes(), None)
    return [backend.outdated for backend in backends]


def test_while_a_service_is_updated_the_tasks_still_to_be_replaced_are_marked():
    assert outdated(updated(), "app:1", "app:2", "app:1") == [True, False, True]
    assert outdated(updated("rollback_started", "app:1"), "app:1", "app:2", "app:1") == [False, True, False]


def test_nobody_is_marked_before_there_is_an_alternative_or_when_the_update_has_ended_or_waits():
    assert outdated(updated(), "app:1", "app:1") == [False, False]
    assert outdated(updated(), "app:2", "app:2") == [False, False]
    assert outdated(updated(), "app:1", "app:2", desired="shutdown") == [False, False]
    for state in ("completed", "paused", "rollback_paused", "rollback_completed", ""):
        assert outdated(updated(state), "app:1", "app:2") == [False, False]


def test_the_beginning_of_an_update_is_seen_without_a_change_of_the_tasks():
    backends = Backends()
    found = [*tasks(1), *tasks(2, image="app:2")]
    ((one, two), _) = backends.of(updated("paused"), reading(), found, nodes(), None)
    assert not one.outdated
    ((one, two), _) = backends.of(updated(), reading(), found, nodes(), None)
    assert (one.outdated, two.outdated) == (True, False)
