"""The engine's answers, and what becomes of its failures. The SDK talks to a real socket."""

from __future__ import annotations

import threading

import msgspec
import pytest

from faststicky.discovery.swarm_api import SwarmApi
from faststicky.errors import DiscoveryError
from unit.discovery import engine as fake


@pytest.fixture
def api(engine):
    api = SwarmApi(engine.endpoint, timeout=5)
    yield api
    api.close()


def test_lists(engine, api):
    engine.services = [fake.service("web", {})]
    engine.tasks = [fake.task("web", 1), fake.task("web", 2, desired="shutdown")]
    assert [s.spec.name for s in api.services()] == ["web"]
    assert [t.id for t in api.tasks(("running",))] == ["web-1"]
    assert [t.id for t in api.tasks_by_id(["web-2", "gone"])] == ["web-2"]
    assert [n.id for n in api.nodes()] == ["node1", "node2"]
    assert api.cluster_id() == fake.CLUSTER
    assert len(engine.calls("version")) == 1  # one client for all


@pytest.mark.parametrize("version", ["1.41", "1.44", "1.52"])
def test_the_engines_version_is_spoken(engine, api, version):
    engine.version = version
    assert api.services() == []
    assert api._client.api_version == version


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (fake.refuse(500, "rpc error: code = DeadlineExceeded"), "answered 500: rpc error"),
        (fake.refuse(503, fake.NOT_A_MANAGER), "not a Swarm manager; run faststicky on managers"),
        (fake.refuse(500, "The swarm does not have a leader. It's possible"), "majority"),
        (fake.refuse(403, "Forbidden"), "socket proxy"),
        (fake.refuse(500, "a\nb"), "a b"),
        (lambda h: h.raw(b"<html>bad gateway</html>", 502), "answered 502: <html>bad gateway"),
        (lambda h: h.raw(b"[]", 500), "answered 500: []"),
        (fake.garbage, "not complete"),
        (fake.wrong_shape, "not complete"),
        (fake.cut, "no usable answer"),
        (fake.hang_up, "no usable answer"),
        (lambda h: h.answer({"message": "hm"}), "not complete"),
        (lambda h: h.answer(None), "not complete"),
        (lambda h: h.raw(b"\xff\xfe"), "not complete"),
    ],
)
@pytest.mark.parametrize("name", ["services", "tasks"])
def test_failures(engine, api, name, fault, says):
    call = {"services": api.services, "tasks": lambda: api.tasks(("running",))}[name]
    engine.faults[name] = fault
    with pytest.raises(DiscoveryError) as caught:
        call()
    assert says in str(caught.value)
    assert caught.value.where == engine.endpoint
    assert str(caught.value).isprintable()
    del engine.faults[name]
    assert call() == []  # it works again


def test_what_has_not_changed_is_the_same_object(engine, api):
    engine.services = [fake.service("web", {})]
    engine.tasks = [fake.task("web", 1)]
    calls = (api.services, api.nodes, lambda: api.tasks(("running",)))
    for call in calls:
        assert call() is call()
    services, nodes, tasks = (call() for call in calls)
    engine.tasks[0]["Status"]["State"] = "failed"
    assert api.services() is not services  # its number of running tasks has changed
    assert api.nodes() is nodes
    assert api.tasks(("running",)) is not tasks
    assert api.tasks(("running",))[0].status.state == "failed"


@pytest.mark.parametrize(("version", "counts"), [("1.40", False), ("1.41", True), ("1.52", True)])
def test_which_engines_count_tasks(engine, api, version, counts):
    assert not api.counts_tasks  # it is not known yet
    engine.version = version
    api.services()
    assert api.counts_tasks is counts


def test_a_silent_engine_is_not_waited_for(engine):
    release = threading.Event()
    engine.faults["services"] = lambda handler: release.wait(30)
    api = SwarmApi(engine.endpoint, timeout=1)
    try:
        with pytest.raises(DiscoveryError, match="no usable answer"):
            api.services()
    finally:
        release.set()
        api.close()


def test_no_socket():
    with pytest.raises(DiscoveryError) as caught:
        SwarmApi("unix:///nonexistent/docker.sock").services()
    assert "--mount type=bind" in caught.value.remedy


def test_a_worker_is_told_so(engine, api):
    engine.manager = False
    with pytest.raises(DiscoveryError, match="not a Swarm manager"):
        api.cluster_id()
    with pytest.raises(DiscoveryError, match="not a Swarm manager"):
        api.services()
    engine.faults["info"] = lambda h: h.answer({"Swarm": {"LocalNodeState": "inactive"}})
    with pytest.raises(DiscoveryError, match="in no Swarm; run docker swarm init"):
        api.cluster_id()


def test_what_a_socket_proxy_forbids(engine, api):
    forbidden = fake.refuse(403, "Forbidden")
    engine.faults = {"nodes": forbidden, "info": forbidden, "containers": forbidden}
    assert api.nodes() is None
    assert api.cluster_id() == fake.CLUSTER  # from /swarm
    assert api.container("x") is None
    engine.faults["swarm"] = forbidden
    assert api.cluster_id() == ""


def test_containers(engine, api):
    engine.containers["abc"] = {"Id": "abc", "NetworkSettings": {"Networks": {"n": {"NetworkID": "net-n"}}}}
    assert api.container("abc").network_settings.networks["n"].network_id == "net-n"
    assert api.container("other") is None


def test_a_new_connection_negotiates_anew(engine, api):
    api.services()
    engine.version = "1.44"
    engine.faults["services"] = fake.hang_up
    with pytest.raises(DiscoveryError):
        api.services()
    engine.faults.clear()
    api.services()
    assert api._client.api_version == "1.44"


class Mode(msgspec.Struct, rename="pascal"):
    mode: dict[str, dict[str, int]]


class Wide(msgspec.Struct, rename="pascal"):
    spec: Mode


def test_services_in_another_shape(engine, api):
    engine.services = [fake.service("web", {})]
    assert [s.spec.mode for s in api.services_as(Wide)] == [{"Replicated": {"Replicas": 2}}]
    engine.services = [{"ID": "x", "Spec": {}}]
    with pytest.raises(DiscoveryError, match="not complete"):
        api.services_as(Wide)
