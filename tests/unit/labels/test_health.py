from __future__ import annotations

import pytest

from faststicky.labels import dialects
from faststicky.labels.health import read_native, read_traefik1
from faststicky.labels.values import LabelReader
from faststicky.model import HealthCheck

NATIVE = {"faststicky.port": "8000", "faststicky.rule": "PathPrefix(`/`)"}
TRAEFIK = {"traefik.port": "8000", "traefik.frontend.rule": "PathPrefix:/"}


def native(**labels: str) -> tuple[HealthCheck | None, list[str]]:
    reader = LabelReader("web", {f"faststicky.health.{k}": v for k, v in labels.items()}, fold=True)
    return read_native(reader), [f"{w.label}: {w.text}" for w in reader.warnings]


def traefik(**labels: str) -> tuple[HealthCheck | None, list[str]]:
    reader = LabelReader("web", {f"traefik.backend.healthcheck.{k}": v for k, v in labels.items()})
    return read_traefik1(reader), [f"{w.label}: {w.text}" for w in reader.warnings]


def test_everything_native():
    found, warnings = native(
        path="/health?deep=1", port="9000", host="www.example.com", interval="10s", timeout="250ms", rise="1",
        fall="5", status="200-299, 404",
    )  # fmt: skip
    assert warnings == []
    assert found == HealthCheck(
        path="/health?deep=1", port=9000, host="www.example.com", interval=10.0, timeout=0.25, rise=1, fall=5,
        status=((200, 299), (404, 404)),
    )  # fmt: skip


def test_a_path_is_enough_and_needed():
    assert native(path="/") == (HealthCheck(path="/"), [])
    assert native() == (None, [])
    found, (warning,) = native(port="9000", fall="1")
    assert found is None
    assert "no effect without faststicky.health.path" in warning


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"), ("host", "a b"), ("interval", "soon"), ("interval", "1ms"), ("timeout", "2h"), ("rise", "0"),
        ("fall", "-1"), ("status", "300-200"), ("status", "20x"), ("status", ""), ("status", "600"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_its_default_used(name, value):
    found, (warning,) = native(path="/", **{name: value})
    assert found == HealthCheck(path="/")
    assert warning.startswith(f"faststicky.health.{name}: ")


@pytest.mark.parametrize("path", ["health", "/a b", "/a#b", "/\r\nX: y", "http://evil/", "/ü"])
def test_a_wrong_path_switches_checks_off(path):
    found, (warning,) = native(path=path)
    assert found is None
    assert "there are no health checks" in warning


def test_everything_of_traefik_with_its_numbers():
    found, warnings = traefik(path="/health", port="0", interval="10s", hostname="a.example", scheme="http")
    assert warnings == []
    assert found == HealthCheck(
        path="/health", host="a.example", interval=10.0, timeout=5.0, rise=1, fall=1, status=((200, 399),)
    )
    assert traefik(path="/")[0].interval == 30.0


def test_traefik_checks_by_tls_are_not_made():
    found, (warning,) = traefik(path="/", scheme="https")
    assert found is None
    assert "only http" in warning


def test_both_dialects_bring_it_to_the_reading():
    reading, warnings = dialects.read("web", {**NATIVE, "faststicky.health.path": "/a"})
    assert (reading.health, warnings) == (HealthCheck(path="/a"), ())
    labels = {**TRAEFIK, "traefik.backend.healthcheck.path": "/a", "traefik.backend.healthcheck.interval": "5s"}
    reading, warnings = dialects.read("web", labels)
    assert (reading.health.path, reading.health.interval, warnings) == ("/a", 5.0, ())
    reading, warnings = dialects.read("web", {**labels, "faststicky.health.path": "/b"})
    assert (reading.dialect, reading.health, warnings) == ("traefik1", HealthCheck(path="/b"), ())
    reading, warnings = dialects.read("web", {**labels, "faststicky.drain": "stay"})
    assert (reading.dialect, reading.health.path, warnings) == ("traefik1", "/a", ())
