"""Traefik 1.7 labels: the tutorial's four, what belongs to them, and what is said about the rest."""

from __future__ import annotations

import pytest

from faststicky.labels import traefik1
from faststicky.labels.dialects import read
from faststicky.labels.reading import LabelDefaults
from faststicky.model import CookiePolicy, Matcher, Route

STICKINESS = "traefik.backend.loadbalancer.stickiness"
TUTORIAL = {
    "traefik.docker.network": "whoaminet",
    "traefik.port": "8000",
    "traefik.frontend.rule": "PathPrefix:/",
    STICKINESS: "true",
}


def reading_of(labels, service="whoami-service", defaults=None):
    reading, warnings = read(service, labels, defaults)
    assert warnings == ()
    assert reading is not None
    return reading


def test_the_tutorial():
    reading = reading_of(TUTORIAL)
    assert reading.service == "backend-whoami-service"
    assert (reading.port, reading.network, reading.weight) == (8000, "whoaminet", 1)
    assert reading.cookie == CookiePolicy(name="_a49bc", http_only=True, same_site="Lax", secure=None)
    assert reading.pass_host_header
    assert reading.foreign_cookies == "traefik1"
    assert reading.routes == (
        Route(
            name="frontend-PathPrefix-0",
            rule="PathPrefix:/",
            service="backend-whoami-service",
            priority=12,
            alternatives=((Matcher("path_prefix", ("/",)),),),
        ),
    )


def test_everything_said():
    reading = reading_of(
        {
            **TUTORIAL,
            "traefik.enable": "true",
            "traefik.backend": "my_app",
            "traefik.weight": "5",
            "traefik.protocol": "http",
            "traefik.frontend.priority": "42",
            "traefik.frontend.passHostHeader": "false",
            "traefik.backend.loadbalancer.method": "wrr",
            STICKINESS + ".cookieName": "stick",
            STICKINESS + ".secure": "true",
            STICKINESS + ".httpOnly": "false",
            STICKINESS + ".sameSite": "none",
        }
    )
    assert reading.service == "backend-my-app"
    assert reading.weight == 5
    assert reading.routes[0].priority == 42
    assert not reading.pass_host_header
    assert reading.cookie == CookiePolicy(name="stick", secure=True, http_only=False, same_site="None")


def test_not_sticky_without_the_label():
    labels = {key: value for key, value in TUTORIAL.items() if key != STICKINESS}
    assert reading_of(labels).cookie is None
    assert reading_of({**labels, STICKINESS: "false", "traefik.backend.loadbalancer.sticky": "false"}).cookie is None


def test_legacy_sticky():
    labels = {key: value for key, value in TUTORIAL.items() if key != STICKINESS}
    legacy = {"traefik.backend.loadbalancer.sticky": "true"}
    reading, warnings = read("web", {**labels, **legacy})
    assert reading is not None
    assert reading.cookie == CookiePolicy(name="_TRAEFIK_BACKEND")
    assert ["deprecated" in w.text for w in warnings] == [True]
    assert reading_of({**TUTORIAL, **legacy}).cookie == CookiePolicy(name="_a49bc")  # stickiness wins


def test_exposure():
    assert read("web", {**TUTORIAL, "traefik.enable": "false"}) == (None, ())
    hidden = LabelDefaults(exposed_by_default=False)
    assert read("web", TUTORIAL, hidden) == (None, ())
    assert read("web", {**TUTORIAL, "traefik.enable": "true"}, hidden)[0] is not None


def test_defaults_of_the_provider():
    defaults = LabelDefaults(network="public", domain="example.com")
    reading = reading_of({"traefik.port": "80"}, "stack_web", defaults)
    assert reading.network == "public"
    assert reading.routes[0].rule == "Host:stack-web.example.com"
    assert reading.routes[0].alternatives == ((Matcher("host", ("stack-web.example.com",)),),)
    assert (
        reading_of({"traefik.port": "80", "traefik.domain": "b.org"}, "web", defaults).routes[0].rule
        == "Host:web.b.org"
    )


@pytest.mark.parametrize(
    ("label", "value", "says"),
    [
        ("traefik.port", "80a", "not a whole number"),
        ("traefik.port", None, "traefik.port=8000"),
        ("traefik.frontend.rule", None, "traefik.frontend.rule=PathPrefix:/"),
        ("traefik.frontend.rule", "PathPrefixStrip:/x", "PathPrefixStrip at position 1 is not supported"),
        ("traefik.protocol", "https", "only http is"),
    ],
)
def test_what_leaves_a_service_out(label, value, says):
    labels = {**TUTORIAL, label: value}
    if value is None:
        del labels[label]
    reading, warnings = read("web", labels)
    assert reading is None
    (warning,) = warnings
    assert (warning.service, warning.label, warning.value) == ("web", label, value or "")
    assert says in warning.text
    assert "not routed" in warning.text


@pytest.mark.parametrize(
    ("label", "value", "says"),
    [
        ("traefik.weight", "0", "weight 0"),
        ("traefik.weight", "heavy", "1 is used"),
        ("traefik.frontend.priority", "high", "the rule's length is used"),
        ("traefik.frontend.passHostHeader", "maybe", "True is used"),
        ("traefik.backend.loadbalancer.method", "drr", "write wrr"),
        ("traefik.protocol", "h2c", "HTTP/1.1"),
        (STICKINESS + ".sameSite", "loose", "Lax is used"),
        (STICKINESS + ".cookieName", "a b", "a_b is used"),
        (STICKINESS + ".cookieName", "a" * 1025, "longer than 1024 characters; _a49bc is used"),
        ("traefik.backend.healthcheck.headers", "A:b", "not supported, ignored"),
        ("traefik.frontend.headers.STSSeconds", "1", "not supported, ignored"),
        ("traefik.frontend.entryPoints", "http", "not supported, ignored"),
        ("traefik.admin.port", "9000", "segments are not supported"),
        ("traefik.admin.frontend.rule", "Host:x", "segments are not supported"),
        ("traefik.docker.netwrk", "x", "did you mean traefik.docker.network?"),
        ("traefik.frontend.passhostheader", "true", "did you mean traefik.frontend.passHostHeader?"),
        ("traefik.backend.loadbalancer.stickines", "true", f"did you mean {STICKINESS}?"),
        ("traefik.quux", "x", "remove it"),
    ],
)
def test_what_is_only_warned_of(label, value, says):
    reading, warnings = read("whoami-service", {**TUTORIAL, label: value})
    assert reading is not None
    assert reading.routes == reading_of(TUTORIAL).routes
    (warning,) = warnings
    assert (warning.service, warning.label, warning.value) == ("whoami-service", label, value)
    assert says in warning.text


def test_wrong_stickiness_is_not_sticky_as_in_traefik():
    reading, warnings = read("web", {**TUTORIAL, STICKINESS: "sure"})
    assert reading is not None
    assert reading.cookie is None
    assert "not sticky" in warnings[0].text


def test_cookie_labels_without_stickiness_have_no_effect():
    labels = {key: value for key, value in TUTORIAL.items() if key != STICKINESS}
    reading, warnings = read("web", {**labels, STICKINESS + ".cookieName": "a"})
    assert reading is not None
    assert reading.cookie is None
    assert "no effect" in warnings[0].text


def test_applies():
    assert traefik1.applies(["traefik.port"])
    assert traefik1.applies(["traefik.tpyo"])
    assert not traefik1.applies(["traefik.enable", "traefik.docker.network", "traefik.http.routers.a.rule", "other"])
    assert traefik1.knows("traefik.port")
    assert traefik1.knows("traefik.frontend.auth.basic")
    assert not traefik1.knows("traefik.enable")  # of all Traefiks


def test_what_is_complete():
    complete = {"traefik.port": "80", "traefik.frontend.rule": "Host:a"}
    assert traefik1.is_complete(complete, LabelDefaults())
    assert traefik1.is_complete({"traefik.port": "80"}, LabelDefaults(domain="a.org"))
    assert not traefik1.is_complete({"traefik.port": "80"}, LabelDefaults())
    assert not traefik1.is_complete({"traefik.frontend.rule": "Host:a"}, LabelDefaults())
