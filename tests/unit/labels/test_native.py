"""faststicky's own labels."""

from __future__ import annotations

import pytest

from faststicky.labels import native
from faststicky.labels.cookies import native_default_name
from faststicky.labels.dialects import read
from faststicky.labels.reading import LabelDefaults
from faststicky.model import CookiePolicy, Matcher

LEAST = {"faststicky.port": "8000", "faststicky.rule": "Host(`a.org`)"}


def reading_of(labels, defaults=None):
    reading, warnings = read("web", labels, defaults)
    assert warnings == ()
    assert reading is not None
    return reading


def test_the_least():
    reading = reading_of(LEAST)
    assert (reading.service, reading.port, reading.weight, reading.network) == ("web", 8000, 1, "")
    assert reading.cookie == CookiePolicy(name=native_default_name("web"))
    assert reading.foreign_cookies == ""
    (route,) = reading.routes
    assert (route.name, route.service, route.priority) == ("web", "web", len("Host(`a.org`)"))
    assert route.alternatives == ((Matcher("host", ("a.org",)),),)


def test_everything_said_in_any_case():
    reading = reading_of(
        {
            "FastSticky.Enable": "yes",
            "faststicky.PORT": " 80 ",
            "faststicky.rule": "PathPrefix(`/`)",
            "faststicky.network": "net",
            "faststicky.priority": "7",
            "faststicky.weight": "3",
            "faststicky.drain": "STAY",
            "faststicky.hold": "1500ms",
            "faststicky.cookie.name": "c",
            "faststicky.cookie.path": "/a",
            "faststicky.cookie.domain": "example.com",
            "faststicky.cookie.secure": "true",
            "faststicky.cookie.HttpOnly": "false",
            "faststicky.cookie.sameSite": "strict",
            "faststicky.cookie.max-age": "1h",
        }
    )
    assert (reading.port, reading.network, reading.weight, reading.routes[0].priority) == (80, "net", 3, 7)
    assert (reading.drain, reading.hold) == ("stay", 1.5)
    assert reading.cookie == CookiePolicy(
        name="c", path="/a", domain="example.com", secure=True, http_only=False, same_site="Strict", max_age=3600
    )


def test_sticky_can_be_switched_off():
    assert reading_of({**LEAST, "faststicky.sticky": "false"}).cookie is None


def test_network_of_the_provider():
    assert reading_of(LEAST, LabelDefaults(network="n")).network == "n"


def test_not_enabled_is_silent():
    assert read("web", {**LEAST, "faststicky.enable": "false"}) == (None, ())


@pytest.mark.parametrize(
    ("missing", "value", "says"),
    [
        ("faststicky.port", None, "faststicky.port=8000"),
        ("faststicky.rule", None, "faststicky.rule=PathPrefix(`/`)"),
        ("faststicky.rule", "Host(`a`", "end of the rule"),
        ("faststicky.port", "0", "1 to 65535"),
    ],
)
def test_what_leaves_a_service_out(missing, value, says):
    labels = {**LEAST, "faststicky.enable": "true", missing: value}
    if value is None:
        del labels[missing]
    reading, warnings = read("web", labels)
    assert reading is None
    (warning,) = warnings
    assert (warning.label, warning.value) == (missing, value or "")
    assert says in warning.text


@pytest.mark.parametrize(
    ("label", "value", "says"),
    [
        ("faststicky.weight", "0", "1 is used"),
        ("faststicky.sticky", "maybe", "True is used"),
        ("faststicky.cookie.name", "a b", "_fs_"),
        ("faststicky.cookie.max-age", "soon", "is not a duration"),
        ("faststicky.cookie.same-site", "none", "browsers refuse"),
        ("faststicky.drain", "never", "leave is used"),
        ("faststicky.hold", "1h", "at most 300s"),
        ("faststicky.hold", "-1", "the option --hold is used"),
        ("faststicky.weigth", "1", "did you mean faststicky.weight?"),
        ("faststicky.quux", "1", "no such label"),
    ],
)
def test_what_is_only_warned_of(label, value, says):
    reading, warnings = read("web", {**LEAST, label: value})
    assert reading is not None
    (warning,) = warnings
    assert (warning.label, warning.value) == (label, value)
    assert says in warning.text


def test_two_spellings_of_one_key():
    reading, warnings = read(
        "web", {**LEAST, "faststicky.cookie.httponly": "false", "faststicky.cookie.http-only": "true"}
    )
    assert reading is not None
    assert reading.cookie is not None
    assert reading.cookie.http_only
    assert ["the same label as faststicky.cookie.http-only" in w.text for w in warnings] == [True]


def test_only_own_labels_are_taken():
    assert native.labels_of({"FASTSTICKY.Port": "1", "other": "2"}) == {"FASTSTICKY.Port": "1"}
    assert native.applies(["x", "FastSticky.port"])
    assert not native.applies(["faststickyport"])


def test_documented_spellings():
    labels = ["faststicky.Cookie.HttpOnly", "faststicky.port"]
    assert [native.documented(key, labels) for key in labels] == ["faststicky.cookie.http-only", "faststicky.port"]
    both = [*labels, "FASTSTICKY.cookie.http-only"]
    assert [native.documented(key, both) for key in both] == both
