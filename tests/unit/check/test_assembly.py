"""Whole reports: of a stack file, of a Swarm."""

from __future__ import annotations

import pytest

from faststicky.check.assembly import of_stack, of_swarm
from faststicky.errors import ConfigError
from faststicky.labels.cookies import native_default_name, traefik_default_name
from faststicky.labels.reading import LabelDefaults
from unit.discovery import engine as fake

STACK = """
services:
  blue: &app
    image: app
    networks: [apps]
    deploy:
      replicas: 3
      labels: &labels
        traefik.backend: app
        traefik.port: 80
        traefik.frontend.rule: Host:a.org
        traefik.backend.loadbalancer.stickiness: "true"
  green:
    <<: *app
    deploy:
      mode: global
      labels: {<<: *labels, traefik.frontend.rule: "Host:green.a.org"}
  first:
    image: app
    deploy: {replicas: 2, labels: {faststicky.port: 80, faststicky.rule: PathPrefix(`/`), faststicky.network: shop_back}}
  second:
    image: app
    deploy: {labels: {faststicky.port: 80, faststicky.rule: PathPrefix(`/`), faststicky.sticky: "no"}}
  db: {image: db}
  proxy: {image: faststicky, networks: [apps]}
networks: {apps: , back: }
"""


def stack(text=STACK, name="shop", proxy="", **defaults):
    return of_stack([("a.yml", text)], name, LabelDefaults(**defaults), proxy, {})


def test_a_stack():
    report = stack()
    assert report.source == "stack file a.yml"
    assert [(s.name, s.dialect, s.backend, s.tasks) for s in report.services] == [
        ("shop_blue", "traefik1", "backend-app", 3),
        ("shop_first", "native", "shop_first", 2),
        ("shop_green", "traefik1", "backend-app", None),
        ("shop_second", "native", "shop_second", 1),
    ]
    assert [(r.priority, r.rule, r.services, r.cookie, r.tasks) for r in report.routes] == [
        (16, "Host:green.a.org", ("shop_blue", "shop_green"), traefik_default_name("backend-app"), None),
        (15, "PathPrefix(`/`)", ("shop_first",), native_default_name("shop_first"), 2),
        (15, "PathPrefix(`/`)", ("shop_second",), None, 1),
        (10, "Host:a.org", ("shop_blue", "shop_green"), traefik_default_name("backend-app"), None),
    ]
    assert report.routes[0].meaning == "the host is green.a.org"
    assert [(w.service, w.label) for w in report.warnings] == [
        ("shop_first", "faststicky.network"), ("shop_second", "rule"),
    ]  # fmt: skip
    assert report.suspicions == ()
    assert [w.label for w in report.services[3].warnings] == ["rule"]


def test_the_proxys_networks():
    report = stack(proxy="proxy")
    assert [(w.service, w.label, w.text[:30]) for w in report.warnings[:-1]] == [
        ("shop_first", "faststicky.network", "the tasks are not attached to "),
        ("shop_second", "faststicky.network", "the proxy shares no network wi"),
    ]
    assert report.notes == ()
    assert stack(proxy="shop_proxy") == report
    with pytest.raises(ConfigError, match="there is no service nobody; name one of shop_blue"):
        stack(proxy="nobody")


def test_without_a_stacks_name():
    report = stack(name="")
    assert [service.name for service in report.services] == ["blue", "first", "green", "second"]
    assert [w.label for w in report.warnings] == ["faststicky.network", "rule"]
    assert "--stack NAME" in report.notes[0]


def test_defaults_are_those_of_the_proxy():
    report = stack(network="shop_apps", exposed_by_default=False)
    assert [(w.service, w.label) for w in report.suspicions] == [
        ("shop_blue", "traefik.enable"), ("shop_green", "traefik.enable"),
    ]  # fmt: skip
    assert [w.service for w in report.warnings] == ["shop_first", "shop_second", "shop_second"]
    text = 'services: {web: {image: a, deploy: {labels: {traefik.port: "80"}}}}'
    assert [route.rule for route in stack(text, domain="a.org").routes] == ["Host:shop-web.a.org"]


def test_cookies_that_two_services_share():
    text = """
services:
  a: {image: a, deploy: {labels: &l {faststicky.port: 80, faststicky.rule: Path(`/a`), faststicky.cookie.name: id}}}
  b: {image: b, deploy: {labels: {<<: *l, faststicky.rule: Path(`/b`)}}}
"""
    report = stack(text)
    assert [(w.service, w.label) for w in report.suspicions] == [("shop_b", "faststicky.cookie.name")]
    labels = {label.key: label.verdict for label in report.services[1].labels}
    assert labels["faststicky.cookie.name"] == "suspicious"


def test_a_swarm(engine):
    native = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)", "faststicky.network": "app"}
    broken = {"faststicky.port": "80", "faststicky.network": "no"}
    web = fake.service("web", native)
    web["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = {"traefik.port": "80"}
    engine.services = [web, fake.service("api", broken), fake.service("proxy", {})]
    engine.tasks = [fake.task("web", n, ("app", f"10.0.0.{n}/24")) for n in (1, 2)]
    engine.tasks += [fake.task("proxy", 1, ("edge", "10.0.1.5/24"), container="f" * 64)]
    report = of_swarm(engine.endpoint, LabelDefaults(), "", own_ids=())
    assert report.source == f"swarm {engine.endpoint}"
    assert [(s.name, s.backend, s.tasks) for s in report.services] == [("api", None, 2), ("web", "web", 2)]
    assert [(r.rule, r.services, r.tasks) for r in report.routes] == [("Host(`a`)", ("web",), 2)]
    assert [(w.service, w.label) for w in report.warnings] == [("api", "faststicky.rule")]
    assert [(w.service, w.label) for w in report.suspicions] == [("web", "labels")]
    assert "--proxy SERVICE" in report.notes[0]
    engine.tasks[0]["Status"]["State"] = "starting"
    report = of_swarm(engine.endpoint, LabelDefaults(), "proxy")
    assert [route.tasks for route in report.routes] == [1]
    assert [(w.service, w.label) for w in report.suspicions] == [("web", "labels"), ("web", "faststicky.network")]
    assert report.notes == ()


def test_middlewares_that_another_service_of_the_stack_defines():
    text = """
services:
  app:
    image: app
    deploy:
      labels:
        - traefik.http.routers.a.rule=Host(`a`)
        - traefik.http.routers.a.middlewares=sec@swarm
        - traefik.http.services.a.loadbalancer.server.port=80
  other: {image: app, deploy: {labels: [traefik.http.middlewares.sec.compress=true]}}
"""
    assert [route.name for route in stack(text).routes] == ["a@swarm"]
