from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from faststicky.observe.live_view import Choice, LiveView, messages, spark

TIMES = {"p50": 1.0, "p90": 2.0, "p99": 30.0, "p99.9": 30.0, "max": 30.0}


def backend(ident: str, **more: Any) -> dict[str, Any]:
    return {"id": ident, "name": f"web.{ident}", "node": "node1", "state": "up", **more}


def numbers(backends: dict[str, list[float]], **readiness: Any) -> dict[str, Any]:
    return {
        "points": {"": [12.5, 0.5, 1.0, 30.0], "web": [12.5, 0.5, 1.0, 30.0]},
        "services": {
            "web": {"counts": {"rate": 12.5}, "hit_rate": 0.987, "first_byte_ms": TIMES, "backends": backends}
        },
        "sessions": 7,
        "connections": 3,
        "readiness": {"generation": 4, "error": "", **readiness},
    }


def fed() -> LiveView:
    view = LiveView()
    view.take("state", {"services": [{"name": "web", "backends": [backend("1"), backend("2", state="draining")]}]})
    view.take("history", {"points": {"": [[1, 0, 1.0, 2.0]]}})
    view.take("numbers", numbers({"1": [100, 1.5, 0, 4, 0, 0, 0], "2": [200, 11.0, 3, 3, 1, 0, 0]}))
    return view


def shown(view: LiveView, choice: Choice | None = None, width: int = 100, height: int = 30) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(view.render(choice or Choice(), width, height))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_before_anything_has_come():
    assert "waiting" in shown(LiveView())


def test_services_and_tasks():
    text = shown(fed())
    for part in ("7 users", "3 connections", "table 4", "98.7% kept", "web.1", "draining", "11.0"):
        assert part in text


def test_only_what_changed_is_sent():
    view = fed()
    view.take("numbers", numbers({"1": [101, 2.5, 0, 4, 0, 0, 0]}))
    text = shown(view)
    assert "101" in text
    assert "200" in text
    assert len(view.points[""]) == 2


def test_sorting_and_filtering():
    view = fed()
    text = shown(view, Choice(sort="rate"))
    assert text.index("web.2") < text.index("web.1")
    text = shown(view, Choice(filter="draining"))
    assert "web.2" in text
    assert "web.1" not in text
    assert "web.1" not in shown(view, Choice(service="other"))


def test_what_goes_wrong_and_what_happens():
    view = fed()
    view.take("numbers", numbers({}, error="no answer"))
    view.take("event", {"time": "2026-11-22T12:13:14.000Z", "service": "web", "task": "web.1", "text": "went"})
    view.take("something new", {})
    text = shown(view)
    assert "the last good table stays: no answer" in text
    assert "12:13:14 web web.1 went" in text


def test_it_fits_the_terminal():
    view = fed()
    many = [backend(str(number)) for number in range(1000)]
    view.take("state", {"services": [{"name": f"s{number}", "backends": many} for number in range(20)]})
    for width, height in ((80, 24), (40, 10)):
        lines = shown(view, width=width, height=height).splitlines()
        assert len(lines) <= height
        assert max(len(line) for line in lines) <= width


def test_the_stream():
    lines = [b"event: numbers\n", b'data: {"a":1}\n', b"\n", b": comment\n", b"event: event\n", b"data: 2\n"]
    assert list(messages(lines)) == [("numbers", {"a": 1}), ("event", 2)]


def test_sparks():
    assert spark([0, 4, 8], 10) == " ▄█"
    assert spark([1, 2, 3], 2) == "▅█"
    assert spark([], 5) == ""
