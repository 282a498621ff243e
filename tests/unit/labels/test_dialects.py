"""Which dialect a service's labels are read in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.labels import interlock, native, traefik1, traefik2_keys
from faststicky.labels.dialects import explain, read
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Matcher

TRAEFIK1 = {"traefik.port": "80", "traefik.frontend.rule": "Host:old.org"}
TRAEFIK2 = {"traefik.http.routers.a.rule": "Host(`a`)", "traefik.http.services.a.loadbalancer.server.port": "82"}
INTERLOCK = {"com.docker.lb.hosts": "a.org", "com.docker.lb.port": "83"}
NATIVE = {"faststicky.port": "81", "faststicky.rule": "Host(`new.org`)"}


def test_a_service_without_our_labels_is_nobody_to_us():
    assert read("db", {"com.example.team": "a"}) == (None, ())
    assert read("db", {"traefik.enable": "true"}) == (None, ())


def test_each_dialect():
    assert read("a", TRAEFIK1)[0].dialect == "traefik1"
    assert read("a", TRAEFIK2)[0].dialect == "traefik2"
    assert read("a", INTERLOCK)[0].dialect == "interlock"
    assert read("a", NATIVE)[0].dialect == "native"


def test_native_labels_win_and_say_so():
    reading, warnings = read("a", {**TRAEFIK1, **NATIVE})
    assert (reading.dialect, reading.port, reading.foreign_cookies) == ("native", 81, "traefik1")
    (warning,) = warnings
    assert warning.label == "traefik.frontend.rule"
    assert "faststicky labels" in warning.text


def test_additions_leave_traefiks_labels_in_force():
    reading, warnings = read("a", {**TRAEFIK1, "faststicky.drain": "stay", "FastSticky.Hold": "2s"})
    assert (reading.dialect, reading.port, reading.drain, reading.hold) == ("traefik1", 80, "stay", 2.0)
    assert warnings == ()
    reading, warnings = read("a", {**TRAEFIK1, "faststicky.drain": "go"})
    assert (reading.dialect, reading.drain, reading.hold) == ("traefik1", "leave", -1.0)
    assert [(w.label, w.value) for w in warnings] == [("faststicky.drain", "go")]
    reading, warnings = read("a", {"faststicky.drain": "stay"})
    assert reading is None
    assert [w.label for w in warnings] == ["faststicky.port"]


def test_of_two_kinds_of_traefiks_the_first_wins_where_it_is_complete():
    reading, warnings = read("a", {**TRAEFIK1, **TRAEFIK2})
    assert (reading.dialect, [w.label for w in warnings]) == ("traefik1", ["traefik.http.routers.a.rule"])
    reading, warnings = read("a", {"traefik.port": "80", **TRAEFIK2})
    assert (reading.dialect, [w.label for w in warnings]) == ("traefik2", ["traefik.port"])
    reading, warnings = read("a", {**NATIVE, **TRAEFIK2})
    assert (reading.dialect, reading.foreign_cookies) == ("native", "traefik2")
    assert [w.label for w in warnings] == ["traefik.http.routers.a.rule"]
    reading, warnings = read("a", {**TRAEFIK2, "faststicky.drain": "stay"})
    assert (reading.dialect, reading.drain, warnings) == ("traefik2", "stay", ())


@pytest.mark.parametrize("labels", [TRAEFIK1, TRAEFIK2, INTERLOCK])
@pytest.mark.parametrize("exposed", [True, False])
def test_one_label_enables_services_of_any_dialect(labels, exposed):
    defaults = LabelDefaults(exposed_by_default=exposed)
    assert (read("a", labels, defaults)[0] is not None) is exposed
    reading, warnings = read("a", {**labels, "faststicky.enable": "true"}, defaults)
    assert reading.dialect != "native"
    assert warnings == ()
    assert read("a", {**labels, "faststicky.enable": "false"}, defaults) == (None, ())
    reading, (warning,) = read("a", {**labels, "faststicky.enable": "perhaps"}, LabelDefaults())
    assert reading is not None
    assert "the other labels say" in warning.text


def test_balancing_of_the_other_dialect_stays_unless_ours_is_said():
    labels = {**TRAEFIK2, "traefik.http.services.a.loadbalancer.strategy": "p2c", "faststicky.slow-start": "5s"}
    for more, balance in (({}, "p2c"), ({"faststicky.balance": "least"}, "least")):
        reading, warnings = read("a", {**labels, **more})
        assert (reading.balancing.balance, reading.balancing.slow_start, warnings) == (balance, 5.0, ())


def test_native_labels_win_over_interlocks():
    reading, (warning,) = read("a", {**INTERLOCK, **NATIVE})
    assert (reading.dialect, reading.port, reading.foreign_cookies) == ("native", 81, "")
    assert warning.label == "com.docker.lb.hosts"
    reading, warnings = read("a", {**INTERLOCK, "faststicky.drain": "stay"})
    assert (reading.dialect, reading.drain, warnings) == ("interlock", "stay", ())


def test_label_by_label():
    labels = {**TRAEFIK1, "traefik.weight": "0", "traefik.tags": "x", "FastSticky.Hold": "2s", "team": "a"}
    explained = explain("a", labels)
    assert (explained.reading, explained.warnings) == read("a", labels)
    hosts = ((Matcher("host", ("old.org",)),),)
    assert explained.values == {
        "traefik.port": 80, "traefik.frontend.rule": hosts, "traefik.weight": 1, "FastSticky.Hold": 2.0,
    }  # fmt: skip
    assert [w.label for w in explained.warnings] == ["traefik.tags", "traefik.weight"]


def test_labels_behind_the_one_that_leaves_the_service_out_are_not_looked_up():
    explained = explain("a", {"faststicky.port": "x", "faststicky.rule": "Host(`a`)", "faststicky.enable": "true"})
    assert explained.reading is None
    assert explained.values == {"faststicky.enable": True, "faststicky.port": "x"}


_keys = st.sampled_from(
    [
        *sorted(traefik1.KNOWN),
        *(f"faststicky.{key}" for key in sorted(native.KEYS)),
        *(key.replace("*", name) for key in sorted(traefik2_keys.UNDERSTOOD) for name in "aB"),
        *("traefik.http.routers.a.entrypoints", "traefik.http.middlewares.true.chain.middlewares", "traefik.http.x"),
        *sorted(interlock.KEYS),
        *("traefik.x", "faststicky.x", "com.docker.lb.x", "com.docker.lb.ssl_cert", "z"),
    ]
)


@given(
    st.dictionaries(
        _keys, st.one_of(st.text(max_size=12), st.sampled_from(["true", "80", "Host:a", "Host(`a`)", "a.org"]))
    )
)
def test_no_labels_raise_and_every_warning_is_complete(labels):
    reading, warnings = read("web", labels)
    for warning in warnings:
        assert warning.service == "web"
        assert warning.label
        assert warning.text
        assert warning.text.isprintable()
    if reading is not None:
        assert 1 <= reading.port <= 65535
        assert all(route.service == reading.service for route in reading.routes)
