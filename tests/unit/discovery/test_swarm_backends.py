"""From tasks to backends."""

from __future__ import annotations

import msgspec
import pytest

from faststicky.discovery.swarm_backends import Backends
from faststicky.discovery.swarm_shapes import Node, Service, Task
from faststicky.labels.dialects import read
from unit.discovery import engine as fake

LABELS = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}
SERVICE = msgspec.convert(fake.service("web", LABELS), Service)


def reading(**more):
    found, warnings = read("web", {**LABELS, **{"faststicky." + key: value for key, value in more.items()}})
    assert warnings == ()
    return found


def tasks(*slots, network="app", **more):
    return [msgspec.convert(fake.task("web", i, (network, f"10.0.0.{i}/24"), **more), Task) for i in slots]


def nodes(**more):
    return {"node1": msgspec.convert(fake.node("node1", **more), Node)}


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
