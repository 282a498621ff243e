"""Names and cookies of all Traefiks. The values were taken from running ones, and from their sources."""

from __future__ import annotations

import pytest

from faststicky.errors import LabelError
from faststicky.labels import traefik
from faststicky.labels.values import LabelReader


@pytest.mark.parametrize(
    ("name", "normal"),
    [("stack_web", "stack-web"), ("a..b__c", "a-b-c"), ("-x-", "x"), ("größe²", "größe²"), ("a/b", "a-b")],
)
def test_normalize(name, normal):
    assert traefik.normalize(name) == normal


def test_cookie_values():
    assert traefik.cookie_values("", "10.0.1.5", 80) == ()
    assert traefik.cookie_values("traefik1", "10.0.1.5", 80) == ("http://10.0.1.5:80",)
    assert traefik.cookie_values("traefik1", "fd00::5", 80) == ("http://[fd00::5]:80",)
    assert traefik.cookie_values("traefik2", "10.0.1.5", 80) == (
        "http://10.0.1.5:80",
        "63661225b6141ab2",
        "be10bad327f55687",
        "b4e215ace41bed91",
    )
    assert traefik.cookie_values("traefik2", "10.0.1.12", 8000)[3] == "5a6a4fb5fd38e24f"


def test_what_only_later_ones_know():
    later = ["Traefik.HTTP.routers.a.rule", "traefik.docker.lbswarm", "traefik.swarm.network", "traefik.tcp.x"]
    assert traefik.of_later([*later, "traefik.port", "traefik.docker.network", "traefik.enable", "x"]) == later


def test_weight():
    assert traefik.weight("3") == 3
    for text in ("0", "-1", "x", "70000"):
        with pytest.raises(LabelError):
            traefik.weight(text)


@pytest.mark.parametrize(("protocol", "warnings"), [("", 0), ("HTTP", 0), ("h2c", 1)])
def test_tasks_are_spoken_to_by_plain_http(protocol, warnings):
    reader = LabelReader("web", {"traefik.protocol": protocol} if protocol else {})
    traefik.refuse_other_protocols("traefik.protocol", reader)
    assert len(reader.warnings) == warnings


def test_tasks_that_would_refuse_that_are_left_out():
    reader = LabelReader("web", {"a.server.scheme": "https"})
    with pytest.raises(LabelError):
        traefik.refuse_other_protocols("a.server.scheme", reader)
    assert reader.warnings[0].text.startswith('scheme "https" is not supported')
