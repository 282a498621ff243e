"""What is taken from the engine's answers, and that an incomplete one is refused."""

from __future__ import annotations

import msgspec
import pytest

from faststicky.discovery.swarm_shapes import Info, Node, Service, Task
from unit.discovery import engine


def test_the_shapes_of_an_engine():
    task = engine.decoded(engine.task("web", 3, ("app", "10.0.0.5/24"), node="n2"), Task)
    assert (task.id, task.service_id, task.node_id, task.slot, task.desired_state) == (
        "web-3",
        "web-id",
        "n2",
        3,
        "running",
    )
    assert task.status.state == "running"
    assert task.networks_attachments is not None
    assert task.networks_attachments[0].addresses == ("10.0.0.5/24",)
    service = engine.decoded(engine.service("web", {"a": "b"}, "updating"), Service)
    assert (service.id, service.spec.name, service.spec.labels) == ("web-id", "web", {"a": "b"})
    assert service.update_status is not None
    assert service.update_status.state == "updating"
    node = engine.decoded(engine.node("n", hostname="h", availability="drain", state="down"), Node)
    assert (node.spec.availability, node.status.state) == ("drain", "down")


def test_null_is_how_go_writes_nothing():
    raw = engine.task("web", 1)
    raw["NetworksAttachments"] = None
    raw["Status"]["ContainerStatus"] = None
    assert engine.decoded(raw, Task).networks_attachments is None
    assert engine.decoded({"ID": "a", "Spec": {"Name": "a", "Labels": None}}, Service).spec.labels is None
    assert engine.decoded({"Swarm": {"Cluster": None}}, Info).swarm.cluster is None


@pytest.mark.parametrize("missing", ["ID", "DesiredState", "Status"])
def test_an_incomplete_task_is_refused(missing):
    raw = engine.task("web", 1)
    del raw[missing]
    with pytest.raises(msgspec.ValidationError, match=missing):
        engine.decoded(raw, Task)


def test_tasks_are_told_apart_by_what_they_were_made_from():
    def template(of):
        return engine.decoded(of, Service if "TaskTemplate" in of["Spec"] else Task)

    first, second = template(engine.task("web", 1)), template(engine.task("web", 2, image="app:2"))
    service = template(engine.service("web", {}))
    assert first.template == service.spec.template != second.template
    assert template(engine.task("web", 3)).template == first.template
    forced = engine.task("web", 4)
    forced["Spec"]["ForceUpdate"] = 1
    assert template(forced).template != first.template
    assert bytes(first.spec) == bytes(service.spec.task_template) == b""  # a large Swarm's are megabytes
