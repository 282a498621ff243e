"""What is taken from the engine's answers, and that an incomplete one is refused."""

from __future__ import annotations

import msgspec
import pytest

from faststicky.discovery.swarm_shapes import Info, Node, Service, Task
from unit.discovery import engine


def test_the_shapes_of_an_engine():
    task = msgspec.convert(engine.task("web", 3, ("app", "10.0.0.5/24"), node="n2"), Task)
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
    service = msgspec.convert(engine.service("web", {"a": "b"}, "updating"), Service)
    assert (service.id, service.spec.name, service.spec.labels) == ("web-id", "web", {"a": "b"})
    assert service.update_status is not None
    assert service.update_status.state == "updating"
    node = msgspec.convert(engine.node("n", hostname="h", availability="drain", state="down"), Node)
    assert (node.spec.availability, node.status.state) == ("drain", "down")


def test_null_is_how_go_writes_nothing():
    raw = engine.task("web", 1)
    raw["NetworksAttachments"] = None
    raw["Status"]["ContainerStatus"] = None
    assert msgspec.convert(raw, Task).networks_attachments is None
    assert msgspec.convert({"ID": "a", "Spec": {"Name": "a", "Labels": None}}, Service).spec.labels is None
    assert msgspec.convert({"Swarm": {"Cluster": None}}, Info).swarm.cluster is None


@pytest.mark.parametrize("missing", ["ID", "DesiredState", "Status"])
def test_an_incomplete_task_is_refused(missing):
    raw = engine.task("web", 1)
    del raw[missing]
    with pytest.raises(msgspec.ValidationError, match=missing):
        msgspec.convert(raw, Task)
