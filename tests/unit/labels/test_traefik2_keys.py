from __future__ import annotations

import pytest

from faststicky.labels import traefik2_keys
from faststicky.labels.traefik2_keys import MIDDLEWARES, ROUTERS, SERVICES, names, spelled, warn_of_others
from faststicky.labels.values import LabelReader


def reader(**labels: str) -> LabelReader:
    return LabelReader("web", {f"traefik.{key}": value for key, value in labels.items()}, fold=True)


def warned(key: str, value: str = "x") -> str:
    found = LabelReader("web", {key: value}, fold=True)
    warn_of_others(found)
    assert all(warning.label == key for warning in found.warnings)
    return " ".join(warning.text for warning in found.warnings)


def test_names_and_their_spelling():
    found = reader(**{"http.Routers.Web.rule": "x", "http.routers.api.rule": "y", "http.services.S.loadbalancer": "z"})
    assert names(found, ROUTERS) == ["api", "web"]
    assert names(found, SERVICES) == ["s"]
    assert names(found, MIDDLEWARES) == []
    assert [spelled(name, ROUTERS, found) for name in ("api", "web", "other")] == ["api", "Web", "other"]


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("traefik.http.routers.Web.Rule", "traefik.http.routers.*.rule"),
        ("traefik.HTTP.services.a.LoadBalancer.server.port", "traefik.http.services.*.loadbalancer.server.port"),
        ("traefik.http.middlewares.a.compress", "traefik.http.middlewares.a.compress"),
        ("Traefik.Enable", "traefik.enable"),
        ("traefik.http.routers.a", "traefik.http.routers.*."),
    ],
)
def test_shapes(key, shape):
    assert traefik2_keys.shape_of(key) == shape


def test_what_is_understood_is_not_warned_of_nor_ignored():
    for shape in traefik2_keys.UNDERSTOOD:
        key = shape.replace("*", "a")
        assert warned(key, "80") == ""
        assert traefik2_keys.why_ignored(key) == ""


@pytest.mark.parametrize(
    "key",
    [
        "traefik.http.routers.a.tls", "traefik.http.routers.a.tls.certResolver", "traefik.http.routers.a.ruleSyntax",
        "traefik.http.routers.a.observability.tracing", "traefik.http.middlewares.m.basicauth.users",
        "traefik.http.services.a.loadbalancer.responseForwarding.flushInterval",
        "traefik.http.services.a.loadbalancer.passivehealthcheck.failurewindow",
        "traefik.constraint-label",
    ],
)  # fmt: skip
def test_what_is_ignored_without_a_warning_has_a_reason(key):
    assert traefik2_keys.why_ignored(key)
    assert warned(key) == ""


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("traefik.http.services.a.loadbalancer.server.url", "address and server.port"),
        ("traefik.http.services.a.loadbalancer.serversTransport", "plain HTTP"),
        ("traefik.http.services.a.loadbalancer.healthcheck.headers.X", "not supported"),
        ("traefik.http.services.a.weighted.services[0].name", "by Traefik in labels neither"),
        ("traefik.http.serversTransports.a.insecureSkipVerify", "plain HTTP"),
        ("traefik.http.routers.a.tls.options", "client certificates"),
        ("traefik.docker.lbswarm", "never to Swarm's balancer"),
        ("traefik.tcp.routers.a.rule", "only HTTP"),
        ("traefik.tls.stores.default", "only HTTP"),
        ("traefik.port", "of Traefik 1"),
        ("traefik.http.routers.a.entrypoint", "did you mean traefik.http.routers.a.entrypoints?"),
        ("traefik.http.routers.a.rul", "did you mean traefik.http.routers.a.rule?"),
        ("traefik.http.services.a.loadbalancer.server.prot", "traefik.http.services.a.loadbalancer.server.port?"),
        ("traefik.nothing.like.it", "remove it"),
        ("traefik.htp.routers.a.rule", "did you mean traefik.http.routers.a.rule?"),
        ("traefik.http.routers", "did you mean traefik.http.routers.NAME.rule?"),
        ("traefik.enabled", "did you mean traefik.enable?"),
    ],
)
def test_what_is_not_supported_or_not_known(key, says):
    assert says in warned(key)


def test_entry_points_that_not_everybody_may_use():
    assert warned("traefik.http.routers.a.entrypoints", "web, websecure") == ""
    assert '"internal" is not known' in warned("traefik.http.routers.a.entrypoints", "web,internal")


def test_what_is_shown_of_a_value_has_no_control_characters():
    assert warned("traefik.http.routers.a.entrypoints", "a\n\U00018cd6").isprintable()


@pytest.mark.parametrize(
    ("sticky", "cookie", "says"),
    [("true", {}, "nobody stays by it"), ("true", {"sticky.cookie": "true"}, ""), ("false", {}, ""),
     ("false", {"Sticky.Cookie.name": "x"}, "wins over")],
)  # fmt: skip
def test_sticky_alone(sticky, cookie, says):
    prefix = "traefik.http.services.a.loadbalancer."
    found = LabelReader("web", {prefix + key: value for key, value in {"sticky": sticky, **cookie}.items()}, fold=True)
    warn_of_others(found)
    assert [says in warning.text for warning in found.warnings] == ([True] if says else [])
    assert traefik2_keys.why_ignored(prefix + "sticky")
