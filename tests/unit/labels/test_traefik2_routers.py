from __future__ import annotations

import pytest

from faststicky.labels import traefik2_routers
from faststicky.labels.reading import LabelDefaults
from faststicky.labels.values import LabelReader

A = "traefik.http.routers.a."


def routed(labels: dict[str, str], *, defined: tuple[str, ...] = ("w",), **defaults):
    """Routes of Traefik's service w, of the Swarm's service stack_web; texts of warnings."""
    reader = LabelReader("stack_web", labels, fold=True)
    routes = traefik2_routers.read("stack_web", "w", defined, LabelDefaults(**defaults), reader)
    return routes, [f"{warning.label}: {warning.text}" for warning in reader.warnings]


def test_a_router():
    (route,), warnings = routed(
        {A + "rule": "Host(`a.org`) && Path(`/x`)", A + "priority": "7", A + "service": "W@docker"}
    )
    assert (route.name, route.service, route.priority) == ("a@swarm", "w@swarm", 7)
    assert route.rule == "Host(`a.org`) && Path(`/x`)"
    assert warnings == []


def test_the_rules_length_is_its_priority():
    for priority in ({}, {A + "priority": "0"}):
        (route,), _ = routed({A + "rule": "Host(`a.org`)", **priority})
        assert route.priority == 13


@pytest.mark.parametrize(("written", "priority"), [("-1", 1), ("2147483647", 1_000_000_000), ("5", 5)])
def test_priorities_that_only_traefik_has_keep_their_order(written, priority):
    (route,), warnings = routed({A + "rule": "Host(`a.org`)", A + "priority": written})
    assert (route.priority, warnings) == (priority, [])


def test_a_priority_that_is_none_is_told():
    (route,), (warning,) = routed({A + "rule": "Host(`a.org`)", A + "priority": "high"})
    assert route.priority == 13
    assert "the rule's length is used" in warning


def test_without_routers_or_without_a_rule_the_services_name_is_the_host():
    for labels, name in (({}, "stack-web"), ({A + "priority": "3"}, "a")):
        (route,), warnings = routed(labels)
        assert (route.name, route.rule, warnings) == (f"{name}@swarm", "Host(`stack-web`)", [])
    (route,), _ = routed({}, domain="a.org", traefik_provider="docker")
    assert (route.name, route.rule, route.service) == ("stack-web@docker", "Host(`stack-web.a.org`)", "w@docker")


def test_names_keep_their_case():
    (route,), _ = routed({"Traefik.HTTP.Routers.MyApp.Rule": "Host(`a`)"})
    assert route.name == "MyApp@swarm"


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({A + "service": "other"}, 'leads to "other"'),
        ({A + "service": "W2@swarm"}, "move the router's labels"),
        ({A + "service": "api@internal"}, "only Traefik has"),
        ({A + "service": "w@file"}, "only Traefik has"),
        ({A + "rule": "Host(`a`"}, "unexpected end"),
        ({A + "rule": "ClientIP(`10.0.0.0/8`)"}, "ClientIP"),
        ({A + "rule": "PathPrefix(`/{id:[0-9]+}`)"}, "patterns in paths"),
        ({A + "middlewares": "auth@file"}, "not defined"),
        ({A + "middlewares": "gone"}, "not defined"),
        ({A + "middlewares": "m", "traefik.http.middlewares.m.basicauth.users": "u"}, "basicauth (m) is not supported"),
        ({A + "middlewares": "m@swarm", "traefik.http.middlewares.M.ipAllowList.sourcerange": "u"}, "ipallowlist"),
        ({A + "middlewares": "m", "traefik.http.middlewares.m.stripprefix.prefixes": "/a"}, "serve the path as it is"),
        (
            {
                A + "middlewares": "c",
                "traefik.http.middlewares.c.chain.middlewares": "d,c",
                "traefik.http.middlewares.d.chain.middlewares": "c,m",
                "traefik.http.middlewares.m.forwardauth.address": "u",
            },
            "forwardauth (m)",
        ),
    ],
)
def test_routers_that_are_left_out_leave_the_others(labels, says):
    rules = {A + "rule": "Host(`a`)", "traefik.http.routers.b.rule": "Host(`b`)"}
    (route,), (warning,) = routed({**rules, **labels})
    assert route.name == "b@swarm"
    assert says in warning
    assert "until then the router is left out" in warning


def test_other_middlewares_are_ignored():
    labels = {
        A + "rule": "Host(`a`)",
        A + "middlewares": "r@docker, c",
        "traefik.http.middlewares.r.redirectscheme.scheme": "https",
        "traefik.http.middlewares.c.compress": "true",
    }
    (_,), (warning,) = routed(labels)
    assert warning.startswith(A + "middlewares: redirectscheme (r@docker), compress (c): not supported, ignored")


def test_with_several_services_a_router_has_to_say_which():
    rule = {A + "rule": "Host(`a`)"}
    assert len(routed(rule)[0]) == 1
    routes, (warning,) = routed(rule, defined=("v", "w"))
    assert routes == ()
    assert "write traefik.http.routers.a.service=w" in warning
    assert len(routed({**rule, A + "service": "w"}, defined=("v", "w"))[0]) == 1


REDIRECT = {"traefik.http.middlewares.r.redirectscheme.scheme": "https"}
AUTH = {"traefik.http.middlewares.auth.basicauth.users": "u"}
B = "traefik.http.routers.b."


@pytest.mark.parametrize(
    "rule",
    [
        "Host(`a`)",
        "Host(`a`) && PathPrefix(`/hooks`)",  # an application may take /hooks/../admin for /admin
        "Host(`b`, `a`)",
        "PathPrefix(`/`)",
        "Host(`b`) || HostRegexp(`.+`)",
        "Host(`*.a`)",
    ],
)
def test_what_a_router_keeps_people_out_of_is_not_reached_by_another(rule):
    admin = {B + "rule": "Host(`a`) && PathPrefix(`/admin`)", B + "middlewares": "auth", B + "entrypoints": "web"}
    for more in ({}, {A + "entrypoints": "websecure"}, {A + "priority": "1000"}, {A + "middlewares": "r"}):
        routes, warnings = routed({A + "rule": rule, **admin, **more, **AUTH, **REDIRECT})
        assert routes == ()
        *_, barred, past = warnings
        assert barred.endswith("the router is left out, and so are others for its hosts")
        assert past.startswith(A + "rule: it would let people past router b")


def test_other_hosts_stay():
    admin = {B + "rule": "Host(`admin.a`)", B + "middlewares": "auth", **AUTH}
    (route,), _ = routed({A + "rule": "Host(`a`) || Host(`b`)", **admin})
    assert (route.name, route.rule) == ("a@swarm", "Host(`a`) || Host(`b`)")
    routes, _ = routed({A + "rule": "Host(`a`)", **admin, B + "rule": "Host(`admin.a`) && ClientIP(`10.0.0.0/8`)"})
    assert routes == ()


def test_a_middleware_that_nobody_knows_bars_routers_for_the_same_entry_points():
    """The twin for https often has none: the unknown one is a redirection, which a file defines."""
    rules = {A + "rule": "Host(`a`)", B + "rule": "Host(`a`) || Host(`b`)", B + "middlewares": "https-redirect@file"}
    (route,), _ = routed({**rules, A + "entrypoints": "https", B + "entrypoints": "http"})
    assert route.name == "a@swarm"
    for points in ({}, {A + "entrypoints": "https"}, {A + "entrypoints": "https, Http", B + "entrypoints": "http"}):
        assert routed({**rules, **points})[0] == ()
    redirects = {A + "middlewares": "r", A + "entrypoints": "http", B + "entrypoints": "https", **REDIRECT}
    assert routed({**rules, **redirects})[0] == ()


def test_a_path_that_is_not_served_bars_nobody():
    strip = {B + "rule": "Host(`a`) && PathPrefix(`/b`)", B + "middlewares": "s"}
    (route,), _ = routed({A + "rule": "Host(`a`)", **strip, "traefik.http.middlewares.s.stripprefix.prefixes": "/b"})
    assert route.name == "a@swarm"


def test_of_a_router_that_is_left_out_nothing_counts_as_read():
    labels = {A + "rule": "Host(`a`)", A + "middlewares": "auth", A + "priority": "3", **AUTH}
    reader = LabelReader("web", labels, fold=True)
    assert traefik2_routers.read("web", "web", (), LabelDefaults(), reader) == ()
    assert not {A + "rule", A + "priority"} & set(reader.values)
