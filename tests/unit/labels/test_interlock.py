"""Labels of Interlock."""

from __future__ import annotations

import pytest

from faststicky.labels import interlock
from faststicky.labels.cookies import native_default_name
from faststicky.labels.dialects import read
from faststicky.model import Matcher

LB = "com.docker.lb."
PLAIN = {LB + "hosts": "a.org, b.org", LB + "port": "8080"}


def reading_of(**more: str):
    found, warnings = read("app", {**PLAIN, **{LB + key: value for key, value in more.items()}})
    return found, [f"{warning.label}: {warning.text}" for warning in warnings]


def test_the_usual_labels():
    found, warnings = reading_of(network="apps", context_root="/shop")
    assert warnings == []
    assert (found.service, found.dialect, found.port, found.network) == ("app", "interlock", 8080, "apps")
    assert found.cookie is None
    (route,) = found.routes
    assert (route.name, route.service, route.rule) == ("app", "app", "Host(`a.org`, `b.org`) && PathPrefix(`/shop`)")
    assert route.priority == len(route.rule)
    assert route.alternatives == ((Matcher("host", ("a.org", "b.org")), Matcher("path_prefix", ("/shop",))),)


def test_users_stay_by_a_cookie_of_our_own():
    """The application sets the one that is named: it must not be taken away from it."""
    found, warnings = reading_of(sticky_session_cookie="session")
    assert (found.cookie.name, warnings) == (native_default_name("app"), [])


def test_users_stay_by_their_address():
    found, _ = reading_of(ip_hash="true")
    assert (found.cookie, found.balancing.balance) == (None, "hash")


def test_a_default_backend_gets_what_no_other_takes():
    found, _ = reading_of(default_backend="true")
    first, last = found.routes
    assert (last.name, last.rule, last.priority) == ("app-default", "PathPrefix(`/`)", 1)
    assert first.priority > last.priority


def test_a_default_backend_needs_no_hosts():
    """As in the documentation of Interlock."""
    found, warnings = read("app", {LB + "default_backend": "true", LB + "port": "80"})
    assert warnings == ()
    assert [(route.name, route.rule, route.priority) for route in found.routes] == [
        ("app-default", "PathPrefix(`/`)", 1)
    ]
    found, (warning,) = read("app", {LB + "default_backend": "false", LB + "port": "80"})
    assert (found, warning.label) == (None, LB + "hosts")
    found, (warning,) = read("app", {LB + "default_backend": "true", LB + "port": "80", LB + "context_root": "/x"})
    assert (len(found.routes), "no effect without" in warning.text) == (1, True)


@pytest.mark.parametrize("key", ["websocket_endpoints", "backend_mode", "ssl_cert", "ssl_key", "ssl_only"])
def test_what_is_not_needed_is_ignored(key):
    found, warnings = reading_of(**{key: "x"})
    assert found is not None
    assert warnings == []
    assert interlock.why_ignored((LB + key).upper())


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("redirects", "let the application redirect"),
        ("service_cluster", "every proxy"),
        ("host", "did you mean com.docker.lb.hosts?"),
        ("nothing_like_it", "remove it"),
        ("default_backend", "not a truth value"),
        ("ip_hash", "not a truth value"),
    ],
)
def test_what_is_not_supported_or_wrong_is_told(key, says):
    found, (warning,) = reading_of(**{key: "x"})
    assert found is not None
    assert says in warning


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({"port": "x"}, "not a whole number"),
        ({"hosts": " , "}, "has no value"),
        ({"hosts": "a.org:80"}, "is not a host"),
        ({"hosts": "a`) || Host(`b"}, "no list of hosts"),
        ({"context_root": "x"}, "is not a path"),
        ({"context_root": "/`) || PathPrefix(`/"}, "is not a path"),
        ({"context_root_rewrite": "true"}, "serve the path as it is"),
        ({"ssl_passthrough": "true"}, "end TLS in front"),
        ({"ssl_backend": "true"}, "plain HTTP on the overlay"),
    ],
)
def test_services_that_are_left_out(labels, says):
    found, (warning,) = reading_of(**labels)
    assert found is None
    assert says in warning


@pytest.mark.parametrize("missing", ["hosts", "port"])
def test_what_is_needed(missing):
    labels = {key: value for key, value in PLAIN.items() if key != LB + missing}
    found, (warning,) = read("app", labels)
    assert found is None
    assert (warning.label, "this label is missing" in warning.text) == (LB + missing, True)


def test_applies():
    assert interlock.applies(["Com.Docker.LB.hosts"])
    assert not interlock.applies(["com.docker.stack.namespace", "traefik.port"])
