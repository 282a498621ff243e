"""Label by label."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faststicky.check.declared import Declared
from faststicky.check.findings import concerns_a_proxy, of_service
from faststicky.labels import interlock, native, traefik1, traefik2_keys
from faststicky.labels.dialects import explain
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Warning

NATIVE = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}
TRAEFIK = {"traefik.port": "80", "traefik.frontend.rule": "Host:a"}
STICKINESS, LEGACY = "traefik.backend.loadbalancer.stickiness", "traefik.backend.loadbalancer.sticky"


def checked(labels, *more: Warning, defaults=None):
    explained = explain("web", labels, defaults)
    members = {explained.reading.service: ["web"]} if explained.reading else {}
    return of_service(Declared(name="web", labels=labels), explained, (*explained.warnings, *more), members)


def verdicts(labels, **more) -> dict[str, str]:
    return {label.key: label.verdict for label in checked(labels, **more).labels}


def why(labels, key, **more) -> str:
    label = next(label for label in checked(labels, **more).labels if label.key == key)
    assert label.verdict == "ignored"
    return label.texts[0]


def test_whose_labels_are_told_of():
    ours = [
        "faststicky.port",
        "FastSticky.x",
        "traefik.x",
        "Traefik.Port",
        "traefik.http.routers.a.rule",
        "com.docker.lb.port",
    ]
    assert all(map(concerns_a_proxy, ours))
    assert not any(map(concerns_a_proxy, ["com.docker.stack.namespace", "faststickys", "traefik", "com.docker.lbs"]))
    assert checked({"com.example.team": "a"}) is None


def test_each_verdict():
    service = checked(
        {**NATIVE, "faststicky.wieght": "2", "faststicky.hold": "x", "com.docker.lb.port": "80", "team": "a"}
    )
    assert (service.name, service.dialect, service.backend, service.tasks) == ("web", "native", "web", 1)
    assert {label.key: (label.verdict, label.value) for label in service.labels} == {
        "com.docker.lb.port": ("suspicious", "80"),
        "faststicky.hold": ("suspicious", "x"),
        "faststicky.port": ("understood", "80"),
        "faststicky.rule": ("understood", "Host(`a`)"),
        "faststicky.wieght": ("suspicious", "2"),
    }
    texts = {label.key: label.texts for label in service.labels}
    assert texts["faststicky.port"] == ("requests go to port 80 of each task",)
    assert "did you mean faststicky.weight?" in texts["faststicky.wieght"][0]
    assert service.warnings == ()


def test_a_missing_label_is_a_warning_of_the_service():
    service = checked({"traefik.frontend.rule": "Host:a"})
    assert (service.dialect, service.backend) == (None, None)
    assert [warning.label for warning in service.warnings] == ["traefik.port"]
    assert [label.verdict for label in service.labels] == ["ignored"]


def test_several_warnings_of_one_label():
    warning = Warning(service="web", label="faststicky.port", value="80", text="and this")
    (label, _) = checked({"faststicky.port": "x", "faststicky.rule": "Host(`a`)"}, warning, warning).labels
    assert label.verdict == "suspicious"
    assert [text[:9] for text in label.texts] == ['"x" is no', "and this"]


def test_other_spellings():
    labels = {**NATIVE, "Faststicky.Cookie.HttpOnly": "no", "faststicky.cookie.samesite": "x"}
    found = {label.key: label for label in checked(labels).labels}
    assert found["Faststicky.Cookie.HttpOnly"].texts == ("scripts can read the cookie (no HttpOnly)",)
    assert found["faststicky.cookie.samesite"].verdict == "suspicious"
    both = {**NATIVE, "faststicky.cookie.httponly": "no", "faststicky.cookie.http-only": "no"}
    assert [v for k, v in verdicts(both).items() if "http" in k] == ["understood", "suspicious"]


def test_a_service_that_the_table_does_not_take():
    explained = explain("web", NATIVE)
    service = of_service(Declared(name="web", labels=NATIVE), explained, (), {"web": ["other"]})
    assert (service.dialect, service.backend) == (None, None)


ROUTER, SERVICE = "traefik.http.routers.web", "traefik.http.services.web.loadbalancer"
LATER = {f"{ROUTER}.rule": "Host(`a`)", f"{SERVICE}.server.port": "80"}
NOT_EXPOSED = LabelDefaults(exposed_by_default=False)


@pytest.mark.parametrize(
    ("labels", "key", "says"),
    [
        (
            {**NATIVE, "com.docker.lb.hosts": "a", "com.docker.lb.port": "80"},
            "com.docker.lb.port",
            "faststicky labels, which win",
        ),
        ({**TRAEFIK, "com.docker.lb.port": "80"}, "com.docker.lb.port", "Traefik 1, which win"),
        ({**LATER, "com.docker.lb.port": "80"}, "com.docker.lb.port", "Traefik 2 and 3, which win"),
        (
            {"com.docker.lb.hosts": "a", "com.docker.lb.port": "80", "com.docker.lb.ssl_cert": "c"},
            "com.docker.lb.ssl_cert",
            "TLS ends",
        ),
        ({**TRAEFIK, **LATER}, f"{SERVICE}.server.port", "Traefik 1, which win"),
        ({**NATIVE, **LATER, "traefik.tcp.routers.a.rule": "x"}, "traefik.tcp.routers.a.rule", "faststicky labels"),
        ({**LATER, f"{ROUTER}.tls": "true"}, f"{ROUTER}.tls", "TLS ends"),
        ({**LATER, f"{ROUTER}.entryPoints": "web"}, f"{ROUTER}.entryPoints", "every address"),
        (
            {**LATER, "traefik.http.middlewares.m.compress": "true"},
            "traefik.http.middlewares.m.compress",
            "at the router",
        ),
        ({**LATER, f"{ROUTER}.rule": "x", f"{ROUTER}.priority": "1"}, f"{ROUTER}.priority", "something else"),
        (
            {**LATER, "traefik.http.routers.b.rule": "x", "traefik.http.routers.b.priority": "1"},
            "traefik.http.routers.b.priority",
            "its router is left out",
        ),
        (
            {**LATER, f"{SERVICE}.healthcheck.port": "1", f"{SERVICE}.healthcheck.scheme": "http"},
            f"{SERVICE}.healthcheck.scheme",
            "no health checks",
        ),
        (
            {**LATER, f"{SERVICE}.healthcheck.path": "/a", "faststicky.health.path": "/b"},
            f"{SERVICE}.healthcheck.path",
            "faststicky.health.path is there too",
        ),
        (
            {**LATER, f"{SERVICE}.sticky.cookie": "no", f"{SERVICE}.sticky.cookie.Name": "a"},
            f"{SERVICE}.sticky.cookie.Name",
            "not sticky",
        ),
        ({**LATER, "traefik.constraint-label": "public"}, "traefik.constraint-label", "constraints"),
        ({**TRAEFIK, "Traefik.weight": "2"}, "Traefik.weight", "lower case"),
        ({**NATIVE, **TRAEFIK}, "traefik.port", "faststicky labels, which win"),
        ({**NATIVE, "traefik.enable": "true"}, "traefik.enable", "faststicky labels, which win"),
        ({**NATIVE, "faststicky.enable": "no"}, "faststicky.port", "faststicky.enable says"),
        ({**TRAEFIK, "traefik.enable": "false"}, "traefik.port", "traefik.enable says"),
        ({"faststicky.rule": "Host(`a`)"}, "faststicky.rule", "something else is wrong"),
        ({**LATER, f"{ROUTER}.rule": "x", "traefik.enable": "true"}, "traefik.enable", "something else is wrong"),
        ({"traefik.tcp.routers.a.rule": "x", "traefik.enable": "true"}, "traefik.enable", "something else is wrong"),
        ({"traefik.enable": "true"}, "traefik.enable", "nothing says what to route"),
        (
            {**NATIVE, "faststicky.health.rise": "2", "faststicky.health.fall": "2"},
            "faststicky.health.rise",
            "no health",
        ),
        ({**NATIVE, "faststicky.sticky": "no", "faststicky.cookie.name": "a"}, "faststicky.cookie.name", "not sticky"),
        ({**TRAEFIK, STICKINESS: "false", f"{STICKINESS}.secure": "true"}, f"{STICKINESS}.secure", "not sticky"),
        ({**TRAEFIK, STICKINESS: "true", LEGACY: "true"}, LEGACY, "stickiness is there too"),
        ({**TRAEFIK, "traefik.domain": "a.org"}, "traefik.domain", "has a rule"),
        (
            {**TRAEFIK, "traefik.backend.healthcheck.path": "/a", "faststicky.health.path": "/b"},
            "traefik.backend.healthcheck.path",
            "faststicky.health.path is there too",
        ),
    ],
)
def test_why_a_label_is_ignored(labels, key, says):
    assert says in why(labels, key)


def test_not_exposed():
    assert "nothing enables it" in why(TRAEFIK, "traefik.port", defaults=NOT_EXPOSED)
    assert verdicts({**TRAEFIK, "traefik.enable": "true"}, defaults=NOT_EXPOSED) == {
        "traefik.enable": "understood", "traefik.frontend.rule": "understood", "traefik.port": "understood",
    }  # fmt: skip


_KEYS = st.sampled_from(
    [
        *sorted(traefik1.KNOWN), *(f"faststicky.{key}" for key in sorted(native.KEYS)), "Faststicky.Port", "traefik.x",
        "faststicky.cookie.httponly", "FASTSTICKY.COOKIE.SAMESITE", "faststicky.x", "Traefik.port",
        *sorted(interlock.KEYS), "com.docker.lb.ssl_cert",
        *(key.replace("*", "a") for key in sorted(traefik2_keys.UNDERSTOOD)), "traefik.frontend.auth.basic", "team",
        "traefik.http.routers.b.middlewares", "traefik.http.routers.A.entryPoints", "traefik.http.routers.b.rule",
        "traefik.http.middlewares.true.compress", "traefik.http.services.b.loadbalancer.sticky", "traefik.http.x",
    ]
)  # fmt: skip
_VALUES = st.one_of(
    st.text(max_size=9), st.sampled_from(["true", "false", "80", "5s", "Host:a", "Host(`a`)", "/x", "hash"])
)


@settings(max_examples=400)
@given(st.dictionaries(_KEYS, _VALUES, max_size=12), st.booleans())
def test_every_label_has_its_verdict_and_no_warning_is_lost(labels, exposed):
    explained = explain("web", labels, LabelDefaults(exposed_by_default=exposed))
    members = {explained.reading.service: ["web"]} if explained.reading else {}
    service = of_service(Declared(name="web", labels=labels), explained, explained.warnings, members)
    ours = [key for key in labels if concerns_a_proxy(key)]
    if service is None:
        assert ours == []
        return
    assert sorted(label.key for label in service.labels) == sorted(ours)
    assert all(label.texts and all(label.texts) for label in service.labels)
    shown = {text for label in service.labels if label.verdict == "suspicious" for text in label.texts}
    assert shown | {warning.text for warning in service.warnings} == {warning.text for warning in explained.warnings}
