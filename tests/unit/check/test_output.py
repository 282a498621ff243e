"""Reports as people see them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from faststicky.check.assembly import of_stack
from faststicky.check.output import show
from faststicky.check.report import Report
from faststicky.labels.cookies import native_default_name
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Warning

LONG = ".".join(["long"] * 20)
STACK = """
services:
  web:
    image: app
    ports: ["8080:80"]
    deploy:
      mode: global
      labels:
        traefik.port: 80
        traefik.frontend.rule: Host:a.org,[b].org
        traefik.backend.loadbalancer.stickiness.cookieName: "id"
        traefik.tags: "\\e[31mred"
        com.docker.lb.port: 80
        faststicky.drain: stay
  api:
    image: app
    deploy:
      labels: {faststicky.port: 80, faststicky.rule: "Host(`LONG`)", faststicky.sticky: "yes"}
""".replace("LONG", LONG)


def shown(report: Report, width: int, **more) -> str:
    console = Console(file=io.StringIO(), width=width, **more)
    show(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def report():
    return of_stack([("a.yml", STACK)], "shop", LabelDefaults(), "", {})


@pytest.mark.parametrize("width", [80, 120])
def test_text(report, width):
    text = shown(report, width)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    one = " ".join(text.split())
    for part in (
        "stack file a.yml", "shop_api faststicky's labels, 1 task", "understood faststicky.port=80",
        "shop_web not routed, one task on every node", "suspicious traefik.tags=\\x1b[31mred", "ignored com.docker.lb.port=80",
        "routes, in the order", "2 services, 1 route, ", "note: whether the proxy",
    ):  # fmt: skip
        assert part in one


def test_texts_stand_below_in_a_narrow_terminal_and_beside_in_a_wide_one(report):
    for width, beside in ((80, False), (120, True)):
        line = next(line for line in shown(report, width).splitlines() if "faststicky.sticky=yes" in line)
        assert ("users stay" in line) is beside


def test_colours_on_a_terminal(report):
    assert "\x1b[33msuspicious" in shown(report, 80, force_terminal=True, color_system="standard")


def test_routes(report):
    lines = shown(report, 120).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("priority"))
    assert lines[at].split() == ["priority", "rule", "services", "cookie", "tasks"]
    assert lines[at + 1].split()[0] == str(len(f"Host(`{LONG}`)"))
    assert lines[at + 1].split()[-3:] == ["shop_api", native_default_name("shop_api"), "1"]


def test_nothing_to_see():
    text = shown(of_stack([("a.yml", "services: {db: {image: db}}")], "shop", LabelDefaults(), "", {}), 80)
    assert "0 services, 0 routes, no warnings" in text
    assert "no service has labels of faststicky, Traefik or Interlock" in text


def test_what_the_engine_does_not_allow():
    warning = Warning(service="", label="/nodes", value="", text="may not be listed; allow GET /nodes")
    report = Report(source="swarm", services=(), routes=(), warnings=(warning,), suspicions=(), notes=())
    text = shown(report, 80)
    assert "suspicious /nodes may not be listed; allow GET /nodes" in text
    assert "1 warning\n" in text
