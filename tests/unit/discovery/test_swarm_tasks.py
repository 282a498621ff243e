"""Which tasks count, and what listing them costs."""

from __future__ import annotations

import pytest

from faststicky.discovery import swarm_tasks
from faststicky.discovery.swarm_api import SwarmApi
from faststicky.discovery.swarm_shapes import Node, Task
from faststicky.discovery.swarm_tasks import RunningTasks, by_service, in_order, name_of, reason_of, slot_of, state_of
from unit.discovery import engine as fake


def task(*arguments, **options):
    return fake.decoded(fake.task(*arguments, **options), Task)


def node(*arguments, **options):
    return fake.decoded(fake.node(*arguments, **options), Node)


@pytest.mark.parametrize(
    ("desired", "status", "of_node", "state"),
    [
        ("running", "running", {}, "up"),
        ("running", "running", {"availability": "pause"}, "up"),
        ("running", "running", {"state": "unknown"}, "up"),
        ("running", "running", {"availability": "drain"}, "draining"),
        ("running", "running", {"state": "down"}, "leaving"),
        ("running", "running", {"state": "down", "availability": "drain"}, "leaving"),
        ("shutdown", "running", {"state": "down"}, None),
        ("remove", "running", {"state": "down"}, None),
        ("shutdown", "running", {}, "draining"),
        ("remove", "running", {}, "draining"),
        ("running", "starting", {}, None),
        ("shutdown", "shutdown", {}, None),
        ("shutdown", "failed", {}, None),
        ("ready", "running", {}, None),
    ],
)
def test_state_of(desired, status, of_node, state):
    assert state_of(task("web", 1, desired=desired, state=status), node("node1", **of_node)) == state


def test_a_task_of_an_unknown_node_counts():
    assert state_of(task("web", 1), None) == "up"


@pytest.mark.parametrize(
    ("desired", "of_node", "reason"),
    [
        ("running", {}, ""),
        ("shutdown", {}, "stopping"),
        ("shutdown", {"availability": "drain"}, "node-drained"),
        ("running", {"availability": "drain"}, "node-drained"),
        ("running", {"state": "down"}, "node-down"),
        ("shutdown", {"availability": "drain", "state": "down"}, "node-down"),
    ],
)
def test_reason_of(desired, of_node, reason):
    assert reason_of(task("web", 1, desired=desired), node("node1", **of_node)) == reason
    assert reason_of(task("web", 1, desired=desired), None) == ("" if desired == "running" else "stopping")


def test_names_and_slots():
    replicated, everywhere = task("web", 3, node="n2"), task("web", 0, node="n2")
    assert name_of(replicated, "web", node("n2", hostname="node2")) == "web.3@node2"
    assert name_of(everywhere, "web", node("n2", hostname="node2")) == "web@node2"
    assert name_of(replicated, "web", None) == "web.3@n2"
    assert (slot_of(replicated), slot_of(everywhere)) == ("web-id/3", "web-id/n2")


def test_order_is_by_slot_and_age():
    tasks = [
        task("web", 2, ident="b", created="2026-01-02T03:04:05.12Z"),
        task("web", 2, ident="a", created="2026-01-02T03:04:05.123Z"),
        task("web", 2, ident="c", created="2026-01-02T03:04:05Z"),
        task("web", 1, ident="d", created="2026-09-02T03:04:05Z"),
    ]
    assert [t.id for t in in_order(tasks)] == ["d", "c", "b", "a"]
    assert [t.id for t in in_order(reversed(tasks))] == ["d", "c", "b", "a"]
    assert [t.id for t in by_service(tasks)["web-id"]] == ["b", "a", "c", "d"]


@pytest.fixture
def running(engine):
    api = SwarmApi(engine.endpoint)
    yield RunningTasks(api)
    api.close()


def ids(tasks):
    return sorted(t.id for t in tasks)


def test_a_clusters_history_is_read_once(engine, running):
    engine.tasks = [
        fake.task("web", 1),
        fake.task("web", 2, desired="shutdown"),
        *(fake.task("web", 3, ident=f"old{i}", desired="shutdown", state="failed") for i in range(50)),
    ]
    assert ids(running.list()) == ["web-1", "web-2"]  # also the one that was being stopped before we came
    assert ids(running.list()) == ["web-1", "web-2"]
    assert engine.calls("tasks") == [
        {"desired-state": ["running", "shutdown", "remove"]},
        {"desired-state": ["running"]},
        {"id": ["web-2"]},
    ]


def test_a_task_is_followed_until_it_ends(engine, running):
    engine.tasks = [fake.task("web", 1), fake.task("web", 2)]
    running.list()
    engine.tasks[0]["DesiredState"] = "shutdown"
    engine.tasks[1]["DesiredState"] = "remove"
    assert ids(running.list()) == ["web-1", "web-2"]
    engine.tasks[0]["Status"]["State"] = "shutdown"
    engine.tasks.pop()  # what is to be removed is deleted when it has ended
    assert ids(running.list()) == []
    engine.asked.clear()
    assert ids(running.list()) == []
    assert engine.calls("tasks") == [{"desired-state": ["running"]}]


def test_what_has_not_changed_is_the_same_object(engine, running):
    engine.tasks = [fake.task("web", 1), fake.task("web", 2)]
    running.list()
    tasks = running.list()
    assert running.list() is tasks
    engine.tasks[0]["DesiredState"] = "shutdown"
    assert ids(running.list()) == ["web-1", "web-2"]
    engine.tasks[0]["Status"]["State"] = "shutdown"
    assert ids(running.list()) == ["web-2"]
    assert running.list() is running.list()


def test_what_is_to_end_on_a_dead_node_is_not_followed(engine, running):
    engine.tasks = [fake.task("web", 1), fake.task("web", 2, node="node2")]
    running.list()
    for raw in engine.tasks:
        raw["DesiredState"] = "shutdown"
    engine.asked.clear()
    assert ids(running.list({"node1"})) == ["web-2"]
    assert engine.calls("tasks") == [{"desired-state": ["running"]}, {"id": ["web-2"]}]


def test_very_many_at_once_are_read_from_the_full_list(engine, running, monkeypatch):
    monkeypatch.setattr(swarm_tasks, "_FEW", 2)
    engine.tasks = [fake.task("web", i) for i in range(1, 6)]
    running.list()
    for raw in engine.tasks:
        raw["DesiredState"] = "remove"
    engine.asked.clear()
    assert len(running.list()) == 5
    assert [list(filters) for filters in engine.calls("tasks")] == [["desired-state"], ["desired-state"]]


def test_forget(engine, running):
    running.list()
    running.forget()
    running.list()
    assert engine.calls("tasks") == [{"desired-state": ["running", "shutdown", "remove"]}] * 2
