from __future__ import annotations

import pytest

from faststicky.check.shared_cookies import of_readings
from faststicky.labels.dialects import read


def native(rule, **more):
    return {"faststicky.port": "80", "faststicky.rule": rule, "faststicky.cookie.name": "id",
            **{f"faststicky.{key}": value for key, value in more.items()}}  # fmt: skip


def legacy(rule, **more):
    return {"traefik.port": "80", "traefik.frontend.rule": rule, "traefik.backend.loadbalancer.sticky": "true", **more}


def warned(*services):
    readings = {name: read(name, labels)[0] for name, labels in zip("abcdef", services, strict=False)}
    return [(warning.service, warning.label, warning.value) for warning in of_readings(readings)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Host(`a.org`) && PathPrefix(`/x`)", "Host(`a.org`)"),
        ("PathPrefix(`/x`)", "Host(`a.org`)"),
        ("Host(`a.org`, `b.org`)", "Host(`b.org`) || Host(`c.org`)"),
        ("Host(`*.a.org`)", "Host(`a.org`)"),
        ("!Host(`b.org`)", "Host(`a.org`)"),
    ],
)
def test_one_name_on_one_host(one, other):
    assert warned(native(one), native(other)) == [("b", "faststicky.cookie.name", "id")]


def test_the_one_name_of_all_that_traefik_had():
    key = "traefik.backend.loadbalancer.stickiness.cookieName"
    assert warned(legacy("Path:/a"), legacy("Path:/b"), legacy("Path:/c")) == [
        ("b", key, "_TRAEFIK_BACKEND"), ("c", key, "_TRAEFIK_BACKEND"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (native("Host(`a.org`)"), native("Host(`b.org`)")),
        (native("PathPrefix(`/a`)", **{"cookie.path": "/a"}), native("PathPrefix(`/b`)", **{"cookie.path": "/b"})),
        (native("Host(`a.org`)"), native("Host(`a.org`)", **{"cookie.name": "other"})),
        (native("Host(`a.org`)"), native("Host(`a.org`)", sticky="no")),
        (legacy("Host:a", **{"traefik.backend": "x"}), legacy("Path:/x", **{"traefik.backend": "x"})),
    ],
)
def test_cookies_that_do_not_meet(one, other):
    assert warned(one, other) == []
