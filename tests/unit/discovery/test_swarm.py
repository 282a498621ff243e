"""The Swarm source against an engine on a socket: the tutorial, updates, failures."""

from __future__ import annotations

import json
import math
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from faststicky.discovery import swarm
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import DiscoveryError
from unit.discovery import engine as fake

LABELS = {
    "traefik.docker.network": "whoaminet",
    "traefik.port": "8000",
    "traefik.frontend.rule": "PathPrefix:/",
    "traefik.backend.loadbalancer.stickiness": "true",
}
NATIVE = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}
INGRESS = ("ingress", "10.255.0.7/16")


@pytest.fixture(autouse=True)
def always_full(monkeypatch):
    """Every sync asks for everything, as those of a small Swarm do."""
    monkeypatch.setattr(swarm, "_SHARE", math.inf)


@pytest.fixture
def source(engine):
    source = SwarmSource(engine.endpoint, own_ids=())
    yield source
    source.close()


@pytest.fixture
def tutorial(engine):
    engine.services = [fake.service("whoami-service", LABELS), fake.service("traefik", {})]
    engine.nodes = [fake.node("n1", hostname="node1"), fake.node("n2", hostname="node2")]
    engine.tasks = [
        fake.task("whoami-service", 0, INGRESS, ("whoaminet", "10.0.0.5/24"), node="n1", ident="t1"),
        fake.task("whoami-service", 0, INGRESS, ("whoaminet", "10.0.0.4/24"), node="n2", ident="t2"),
        fake.task("traefik", 0, INGRESS, ("whoaminet", "10.0.0.9/24"), node="n1", ident="t3"),
    ]
    return engine


def test_the_tutorial(tutorial, source):
    snapshot = source.discover()
    assert snapshot.warnings == ()
    assert snapshot.cluster_id == fake.CLUSTER
    assert snapshot.source == f"swarm {tutorial.endpoint}"
    (service,) = snapshot.services
    assert service.name == "backend-whoami-service"
    assert service.cookie.name == "_a49bc"
    first, second = service.backends
    assert (first.id, first.name, first.host, first.port) == ("t1", "whoami-service@node1", "10.0.0.5", 8000)
    assert (first.slot, first.node, first.state) == ("whoami-service-id/n1", "n1", "up")
    assert (first.foreign, second.foreign) == (("http://10.0.0.5:8000",), ("http://10.0.0.4:8000",))
    assert [(r.name, r.service) for r in snapshot.routes] == [("frontend-PathPrefix-0", "backend-whoami-service")]


def test_three_calls_a_sync(tutorial, source):
    source.discover()
    tutorial.asked.clear()
    assert source.discover().same_as(source.discover())
    assert sorted(path for path, _ in tutorial.asked) == [
        "/nodes",
        "/nodes",
        "/services",
        "/services",
        "/tasks",
        "/tasks",
    ]


def test_the_order_of_answers_does_not_matter(tutorial, source):
    tutorial.services.append(fake.service("b", NATIVE))
    tutorial.tasks += [fake.task("b", slot, ("app", f"10.0.1.{slot}/24")) for slot in (3, 1, 2)]
    before = source.discover()
    tutorial.tasks.reverse()
    tutorial.services.reverse()
    assert source.discover().same_as(before)
    names = [backend.name for service in before.services for backend in service.backends]
    assert [name for name in names if name.startswith("b.")] == ["b.1@node1", "b.2@node1", "b.3@node1"]


def test_a_rolling_update(engine, source):
    engine.services = [fake.service("web", NATIVE)]
    engine.tasks = [fake.task("web", 1, ("app", "10.0.0.5/24"), ident="old", created="2026-01-01T00:00:00Z")]
    assert source.interval == 1.0
    source.discover()
    assert source.interval == 1.0

    engine.services = [fake.service("web", NATIVE, "updating")]
    engine.tasks[0]["DesiredState"] = "shutdown"
    new = fake.task("web", 1, ("app", "10.0.0.6/24"), ident="new", created="2026-01-01T00:00:01Z", state="starting")
    engine.tasks.append(new)
    (service,) = source.discover().services
    assert [(b.id, b.state) for b in service.backends] == [("old", "draining")]
    assert source.interval == 0.25

    new["Status"]["State"] = "running"
    (service,) = source.discover().services
    assert [(b.id, b.state, b.slot) for b in service.backends] == [
        ("old", "draining", "web-id/1"),
        ("new", "up", "web-id/1"),
    ]

    engine.tasks[0]["Status"]["State"] = "shutdown"
    engine.services = [fake.service("web", NATIVE, "completed")]
    (service,) = source.discover().services
    assert [b.id for b in service.backends] == ["new"]
    assert source.interval == 1.0


def test_a_long_stop_does_not_keep_the_source_busy(engine, source, monkeypatch):
    engine.services = [fake.service("web", NATIVE)]
    engine.tasks = [fake.task("web", 1, ("app", "10.0.0.5/24"), desired="shutdown")]
    source.discover()
    assert source.interval == 0.25
    monkeypatch.setattr(swarm, "_STOPPING_IS_NEWS", 0.0)
    assert source.interval == 1.0


def test_a_drained_node(engine, source):
    engine.services = [fake.service("web", NATIVE)]
    engine.tasks = [fake.task("web", i, ("app", f"10.0.0.{i}/24"), node=f"node{i}") for i in (1, 2)]
    engine.nodes[0] = fake.node("node1", availability="drain")
    (service,) = source.discover().services
    assert [(b.name, b.state) for b in service.backends] == [("web.1@node1", "draining"), ("web.2@node2", "up")]


def test_a_node_that_is_down(engine, source):
    engine.services = [fake.service("web", NATIVE)]
    engine.tasks = [fake.task("web", i, ("app", f"10.0.0.{i}/24"), node=f"node{i}") for i in (1, 2)]
    source.discover()
    engine.nodes[0] = fake.node("node1", state="down")
    (service,) = source.discover().services
    assert [(b.id, b.state) for b in service.backends] == [("web-1", "leaving"), ("web-2", "up")]
    engine.tasks[0]["DesiredState"] = "shutdown"  # replaced; that it ended nobody will ever say
    (service,) = source.discover().services
    assert [b.id for b in service.backends] == ["web-2"]
    engine.asked.clear()
    source.discover()
    assert engine.calls("tasks") == [{"desired-state": ["running"]}]  # it is not followed


def test_a_removed_service_is_known_until_its_tasks_have_ended(engine, source):
    engine.services = [fake.service("web", NATIVE), fake.service("wrong", {**NATIVE, "faststicky.port": "x"})]
    engine.tasks = [fake.task(name, 1, ("app", "10.0.0.5/24")) for name in ("web", "wrong")]
    source.discover()
    engine.services.clear()
    for task in engine.tasks:
        task["DesiredState"] = "remove"
    snapshot = source.discover()
    (service,) = snapshot.services
    assert (service.name, service.removed) == ("web", True)
    assert [(b.id, b.state) for b in service.backends] == [("web-1", "draining")]
    assert [route.service for route in snapshot.routes] == ["web"]
    assert snapshot.warnings == ()
    assert source.discover() is snapshot
    assert source.interval == 0.25
    engine.tasks.clear()
    snapshot = source.discover()
    assert (snapshot.services, snapshot.routes) == ((), ())


def test_a_service_that_is_made_anew_takes_over_at_once(engine, source):
    engine.services = [fake.service("web", NATIVE)]
    engine.tasks = [fake.task("web", 1, ("app", "10.0.0.5/24"))]
    source.discover()
    engine.tasks[0]["DesiredState"] = "remove"
    engine.services = [{**fake.service("web", NATIVE), "ID": "another"}]
    snapshot = source.discover()
    assert [(s.name, s.removed, s.backends) for s in snapshot.services] == [("web", False, ())]
    assert snapshot.warnings == ()


def test_drain_labels_reach_the_backends(engine, source):
    engine.services = [fake.service("web", {**LABELS, "faststicky.drain": "stay", "faststicky.hold": "5s"})]
    engine.tasks = [fake.task("web", 1, ("whoaminet", "10.0.0.5/24"))]
    (service,) = source.discover().services
    assert (service.hold, service.backends[0].drain) == (5.0, "stay")


def test_a_quiet_large_swarm_is_asked_for_its_services_only(tutorial, source, monkeypatch):
    snapshot = source.discover()
    monkeypatch.setattr(swarm, "_SHARE", 1e-9)
    tutorial.asked.clear()
    for _ in range(3):
        assert source.discover() is snapshot
    assert [path for path, _ in tutorial.asked] == ["/services"] * 3
    tutorial.tasks[0]["Status"]["State"] = "failed"  # the service counts one task less
    assert len(source.discover().services[0].backends) == 1
    monkeypatch.setattr(swarm, "_SHARE", math.inf)  # now and then everything is asked for
    tutorial.asked.clear()
    source.discover()
    assert len(tutorial.asked) == 3


def test_an_engine_that_does_not_count_is_asked_for_everything(tutorial, source, monkeypatch):
    tutorial.version = "1.40"
    monkeypatch.setattr(swarm, "_SHARE", 1e-9)
    source.discover()
    tutorial.asked.clear()
    source.discover()
    assert len(tutorial.asked) == 3


def test_what_has_not_changed_is_the_same_snapshot(tutorial, source):
    snapshot = source.discover()
    assert source.discover() is snapshot
    tutorial.nodes[0]["Description"]["Hostname"] = "other"
    assert source.discover().services[0].backends[0].name == "whoami-service@other"


def test_a_costly_sync_comes_less_often(engine, source):
    engine.services = [fake.service("web", NATIVE, "updating")]
    source.discover()
    assert source.interval == 0.25
    source._cost = 2.0
    assert source.interval == 2.0  # half of the time is the engine's


def test_one_wrong_label_touches_one_service(tutorial, source):
    tutorial.services.append(fake.service("bad", {**NATIVE, "faststicky.port": "x"}))
    snapshot = source.discover()
    assert [s.name for s in snapshot.services] == ["backend-whoami-service"]
    assert [(w.service, w.label) for w in snapshot.warnings] == [("bad", "faststicky.port")]


def test_network_trouble_is_one_warning_a_service(tutorial, source):
    tutorial.services[0] = fake.service("whoami-service", {**LABELS, "traefik.docker.network": "whomainet"})
    snapshot = source.discover()
    assert [b.host for b in snapshot.services[0].backends] == ["10.0.0.5", "10.0.0.4"]
    (warning,) = snapshot.warnings
    assert (warning.service, warning.label, warning.value) == ("whoami-service", "traefik.docker.network", "whomainet")
    assert "whoaminet" in warning.text


def test_the_network_that_the_proxy_shares(engine):
    own = "ab" * 32
    engine.services = [fake.service("web", NATIVE)]
    engine.tasks = [
        fake.task("web", 1, INGRESS, ("data", "10.0.2.5/24"), ("app", "10.0.1.5/24")),
        fake.task("proxy", 0, INGRESS, ("app", "10.0.1.9/24"), container=own),
    ]
    source = SwarmSource(engine.endpoint, own_ids=[own[:12]])
    snapshot = source.discover()
    assert snapshot.services[0].backends[0].host == "10.0.1.5"
    assert snapshot.warnings == ()
    assert engine.calls("containers") == []
    source.close()


def test_the_networks_of_a_container_that_is_no_task(engine):
    own = "ab" * 32
    engine.containers[own] = {"Id": own, "NetworkSettings": {"Networks": {"app": {"NetworkID": "net-app"}}}}
    engine.services = [fake.service("web", NATIVE)]
    engine.tasks = [fake.task("web", 1, ("data", "10.0.2.5/24"), ("app", "10.0.1.5/24"))]
    source = SwarmSource(engine.endpoint, own_ids=[own])
    for _ in range(3):
        assert source.discover().services[0].backends[0].host == "10.0.1.5"
    assert len(engine.calls("containers")) == 1
    source.close()


@pytest.mark.parametrize("call", ["info", "services", "tasks", "nodes"])
@pytest.mark.parametrize("fault", [fake.refuse(500, "no"), fake.garbage, fake.cut, fake.hang_up])
def test_any_failed_part_fails_the_whole(tutorial, source, call, fault):
    tutorial.faults[call] = fault
    with pytest.raises(DiscoveryError):
        source.discover()
    tutorial.faults.clear()
    good = source.discover()
    assert len(good.services[0].backends) == 2

    tutorial.faults["tasks"] = fault
    with pytest.raises(DiscoveryError):
        source.discover()
    tutorial.faults.clear()
    tutorial.asked.clear()
    assert source.discover().same_as(good)
    assert tutorial.calls("tasks") == [{"desired-state": ["running", "shutdown", "remove"]}]  # nothing was missed
    assert len(tutorial.calls("info")) == 1  # perhaps it is another engine now


def test_lists_that_lack_something_take_nobody_away(tutorial, source):
    """Tasks that are no longer listed are asked for by ID; a service's route stays for as long as tasks of it run."""
    before = source.discover()

    def half_of_the_tasks(handler):
        query = parse_qs(urlsplit(handler.path).query)["filters"][0]
        found = tutorial.filtered_tasks(json.loads(query))
        handler.answer(found if '"id"' in query else found[1:])

    tutorial.faults["tasks"] = half_of_the_tasks
    assert [b.id for b in source.discover().services[0].backends] == ["t1", "t2"]
    tutorial.faults["services"] = lambda handler: handler.answer([])
    after = source.discover()
    assert after.routes == before.routes
    assert after.services[0].backends == before.services[0].backends
    tutorial.faults.clear()
    assert source.discover().same_as(before)


def test_what_may_not_be_asked_is_told(tutorial, source):
    forbidden = fake.refuse(403, "Forbidden")
    tutorial.faults = {"nodes": forbidden, "info": forbidden, "swarm": forbidden}
    snapshot = source.discover()
    assert [b.name for b in snapshot.services[0].backends] == ["whoami-service@n1", "whoami-service@n2"]
    assert [w.label for w in snapshot.warnings] == ["/nodes", "/info"]


def test_events_wake_and_ask_for_everything(tutorial, source, monkeypatch):
    woken = threading.Event()
    source.watch(woken.set)
    assert tutorial.stream_opened.wait(20)
    assert woken.wait(20)
    source.discover()
    assert source.interval == 1.0
    monkeypatch.setattr(swarm, "_SHARE", 1e-9)
    for kind, interval in (("container", 1.0), ("service", 0.25)):
        woken.clear()
        tutorial.emit({"Type": kind, "Action": "update", "Actor": {"ID": "x"}})
        assert woken.wait(20)
        assert source.interval == interval  # Swarm will act on what was asked of it
        tutorial.asked.clear()
        source.discover()
        assert len(tutorial.asked) == 3


def test_middlewares_of_other_services(tutorial, source):
    labels = {
        "traefik.http.routers.a.rule": "Host(`a`)",
        "traefik.http.routers.a.middlewares": "sec",
        "traefik.http.services.a.loadbalancer.server.port": "80",
    }
    tutorial.services = [fake.service("app", labels), fake.service("traefik", {})]
    assert source.discover().routes == ()
    tutorial.services = [
        fake.service("app", labels),
        fake.service("traefik", {"traefik.http.middlewares.sec.compress": "1"}),
    ]
    assert [route.name for route in source.discover().routes] == ["a@swarm"]
