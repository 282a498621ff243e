"""A Swarm's services, from an engine on a socket."""

from __future__ import annotations

import pytest

from faststicky.check.running import read
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import ConfigError, DiscoveryError
from faststicky.labels.reading import LabelDefaults
from unit.discovery import engine as fake

NATIVE = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}
INGRESS = ("ingress", "10.255.0.7/16")
PROXY, DEFAULTS = "a" * 64, LabelDefaults()


@pytest.fixture
def swarm(engine):
    web = fake.service("web", {**NATIVE, "faststicky.network": "missing"})
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = {"traefik.port": "80"}
    web["Spec"]["EndpointSpec"] = {
        "Mode": "vip",
        "Ports": [
            {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
            {"Protocol": "udp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
            {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8081, "PublishMode": "host"},
        ],
    }
    everywhere = fake.service("proxy", {})
    everywhere["Spec"]["Mode"] = {"Global": {}}
    engine.services = [web, everywhere]
    engine.tasks = [
        fake.task("web", 1, INGRESS, ("app", "10.0.0.5/24")),
        fake.task("web", 2, ("app", "10.0.0.6/24"), state="starting"),
        fake.task("proxy", 0, INGRESS, ("edge", "10.0.1.5/24"), container=PROXY),
    ]
    return engine


def test_what_is_declared(swarm):
    proxy, web = read(swarm.endpoint, DEFAULTS, "", own_ids=()).declared
    assert (web.name, web.labels, web.container_labels) == (
        "web", {**NATIVE, "faststicky.network": "missing"}, {"traefik.port": "80"},
    )  # fmt: skip
    assert (web.tasks, web.networks, web.ingress_ports) == (2, ("app", "net-app"), ((8080, 80),))
    assert (proxy.tasks, proxy.networks, proxy.ingress_ports, proxy.labels) == (None, ("edge", "net-edge"), (), {})


def test_the_snapshot_is_that_of_a_proxy(swarm):
    found = read(swarm.endpoint, DEFAULTS, "", own_ids=())
    source = SwarmSource(swarm.endpoint, own_ids=())
    try:
        assert found.snapshot == source.discover()
    finally:
        source.close()
    assert [w.label for w in found.snapshot.warnings] == ["faststicky.network"]
    assert found.own is None


@pytest.mark.parametrize(("proxy", "own_ids"), [("proxy", ()), ("", (PROXY[:12],))])
def test_the_proxys_networks(swarm, proxy, own_ids):
    swarm.services[0]["Spec"]["Labels"] = NATIVE
    found = read(swarm.endpoint, DEFAULTS, proxy, own_ids=own_ids)
    assert found.own == {"edge", "net-edge", "ingress", "net-ingress"}
    (warning,) = found.snapshot.warnings
    assert "the proxy shares no network with the tasks" in warning.text


def test_a_container_that_was_started_only_to_look(swarm):
    swarm.services[0]["Spec"]["Labels"] = NATIVE
    swarm.containers["b" * 64] = {
        "Id": "b" * 64, "NetworkSettings": {"Networks": {"bridge": {"NetworkID": "net-bridge"}}}, "Config": {},
    }  # fmt: skip
    found = read(swarm.endpoint, DEFAULTS, "", own_ids=("b" * 64,))
    assert (found.own, found.snapshot.warnings) == (None, ())


def test_a_proxy_that_is_not_there(swarm):
    with pytest.raises(ConfigError, match="--proxy: there is no service traefik"):
        read(swarm.endpoint, DEFAULTS, "traefik")
    swarm.tasks = []
    with pytest.raises(ConfigError, match="has no running task"):
        read(swarm.endpoint, DEFAULTS, "proxy")


def test_a_worker_and_nobody(swarm):
    swarm.manager = False
    with pytest.raises(DiscoveryError, match="not a Swarm manager"):
        read(swarm.endpoint, DEFAULTS, "")
    with pytest.raises(DiscoveryError, match="mount the socket"):
        read("unix:///nowhere/docker.sock", DEFAULTS, "")


def test_nothing_is_changed_at_the_engine(swarm):
    read(swarm.endpoint, DEFAULTS, "proxy")
    assert {path.split("/")[1] for path, _ in swarm.asked} == {"version", "info", "services", "nodes", "tasks"}
