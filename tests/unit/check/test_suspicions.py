"""What is likely to be wrong although every label is right."""

from __future__ import annotations

import pytest

from faststicky.check import suspicions
from faststicky.check.declared import Declared
from faststicky.labels.dialects import explain
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Warning

NATIVE = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}
TRAEFIK = {"traefik.port": "80", "traefik.frontend.rule": "Host:a"}
STICKINESS = "traefik.backend.loadbalancer.stickiness"


def suspected(labels, *, own=None, defaults=None, **more) -> list[Warning]:
    return suspicions.of_service(Declared(name="web", labels=labels, **more), explain("web", labels, defaults), own)


def network_warnings(labels, networks, own=None) -> list[Warning]:
    reading = explain("web", labels).reading
    return suspicions.of_networks(Declared(name="web", labels=labels, networks=networks), reading, own)


def only(warnings: list[Warning]) -> Warning:
    (warning,) = warnings
    assert warning.service == "web"
    assert "; " in warning.text
    return warning


@pytest.mark.parametrize("labels", [NATIVE, {**TRAEFIK, STICKINESS: "true"}, {"team": "a"}, {}])
def test_nothing(labels):
    assert suspected(labels, tasks=3, ingress_ports=((8080, 81),), networks=("app",)) == []


def test_remarks_about_labels_of_a_proxy():
    remarks = tuple(Warning(service="web", label=label, value="", text="a; b") for label in ("team", "faststicky.port"))
    assert suspected(NATIVE, remarks=remarks) == [remarks[1]]


def test_labels_of_containers():
    warning = only(suspected({}, container_labels={"traefik.port": "80", "faststicky.port": "80", "team": "a"}))
    assert (warning.label, warning.value) == ("labels", "faststicky.port=80")
    assert "(so are traefik.port)" in warning.text
    assert "move it from labels to deploy.labels" in warning.text


def test_labels_that_are_in_both_places():
    assert suspected(NATIVE, container_labels=NATIVE) == []
    assert only(suspected(NATIVE, container_labels={"faststicky.port": "81"})).value == "faststicky.port=81"


def test_nothing_enables_it():
    defaults = LabelDefaults(exposed_by_default=False)
    warning = only(suspected(TRAEFIK, defaults=defaults))
    assert (warning.label, warning.value) == ("traefik.enable", "")
    assert "add traefik.enable=true" in warning.text
    assert only(suspected({**TRAEFIK, "faststicky.drain": "stay"}, defaults=defaults)).label == "traefik.enable"
    for labels in (NATIVE, {**TRAEFIK, "traefik.enable": "false"}, {**NATIVE, **TRAEFIK, "faststicky.enable": "false"}):
        assert suspected(labels, defaults=defaults) == []


def test_the_same_of_interlock():
    labels = {"com.docker.lb.hosts": "a", "com.docker.lb.port": "80"}
    warning = only(suspected(labels, tasks=2))
    assert warning.label == "com.docker.lb.sticky_session_cookie"
    assert "=NAME" in warning.text
    assert "=false" not in warning.text
    for more in ({warning.label: ""}, {"com.docker.lb.ip_hash": "true"}):
        assert suspected({**labels, **more}, tasks=2) == []
    assert (
        only(suspected(labels, tasks=1, defaults=LabelDefaults(exposed_by_default=False))).label == "faststicky.enable"
    )
    assert suspected({**NATIVE, "com.docker.lb.hosts": "a"}) == []


@pytest.mark.parametrize(("tasks", "says"), [(3, "has 3 tasks"), (None, "one task on every node")])
def test_several_tasks_and_nothing_said_of_stickiness(tasks, says):
    warning = only(suspected(TRAEFIK, tasks=tasks))
    assert warning.label == STICKINESS
    assert says in warning.text
    for key in (STICKINESS, "traefik.backend.loadbalancer.sticky"):
        assert suspected({**TRAEFIK, key: "false"}, tasks=tasks) == []


def test_the_same_of_later_traefiks():
    service = "traefik.http.services.web.loadbalancer"
    labels = {f"{service}.server.port": "80"}
    assert only(suspected(labels, tasks=2)).label == f"{service}.sticky.cookie"
    for key in (f"{service}.sticky.cookie", f"{service}.Sticky.Cookie"):
        assert suspected({**labels, key: "false"}, tasks=2) == []
    for key, value in (("sticky", "true"), ("sticky", "false"), ("strategy", "hrw")):
        assert suspected({**labels, f"{service}.{key}": value}, tasks=2) == []
    assert only(suspected(labels, tasks=1, defaults=LabelDefaults(exposed_by_default=False))).label == "traefik.enable"
    warning = only(network_warnings({**labels, "traefik.swarm.network": "a"}, ("b",)))
    assert (warning.label, warning.value) == ("traefik.swarm.network", "a")


@pytest.mark.parametrize("tasks", [0, 1])
def test_a_single_task_need_not_be_sticky(tasks):
    assert suspected(TRAEFIK, tasks=tasks) == []


def test_users_bypass_the_proxy():
    found = suspected(NATIVE, ingress_ports=((8080, 80), (0, 80), (9000, 90)))
    assert [(w.label, w.value) for w in found] == [("ports", "8080:80"), ("ports", "0:80")]
    assert "port 8080 of every node" in found[0].text
    assert "a port that Swarm chooses" in found[1].text


def test_a_network_that_is_not_the_services():
    labels = {**TRAEFIK, "traefik.docker.network": "apps"}
    assert network_warnings(labels, ("apps", "x")) == []
    warning = only(network_warnings(labels, ("shop_apps",)))
    assert (warning.label, warning.value) == ("traefik.docker.network", "apps")
    assert "they are to: shop_apps" in warning.text
    assert only(network_warnings({**NATIVE, "faststicky.network": "a"}, ("b",))).label == "faststicky.network"


def test_no_network_with_the_proxy():
    assert network_warnings(NATIVE, ("a", "b")) == []
    assert network_warnings(NATIVE, ("a", "b"), {"b", "c"}) == []
    assert "shares no network" in only(network_warnings(NATIVE, ("a", "b"), {"c"})).text


def test_the_network_that_is_named_is_not_the_proxys():
    labels = {**NATIVE, "faststicky.network": "a"}
    warning = only(suspected(labels, networks=("a", "b"), own={"b"}))
    assert (warning.label, warning.value) == ("faststicky.network", "a")
    assert "the proxy is not attached to network a" in warning.text
    for own in (None, {"a"}):
        assert suspected(labels, networks=("a", "b"), own=own) == []
    assert suspected(labels, networks=("b",), own={"b"}) == []  # that it is not the service's is said elsewhere
