from __future__ import annotations

import io
import time
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
            "web": {
                "counts": {"rate": 12.5, "queued": 0, "requests": 1234, "errors": 5},
                "hit_rate": 0.987,
                "first_byte_ms": TIMES,
                "outcomes": {"slot": 0, "moved_leaving": 9, "moved_failed": 3},
                "failures": {"503": 4, "502": 0},
                "backends": backends,
            }
        },
        "rate": 12.5,
        "errors": 0.5,
        "sessions": 7,
        "connections": 3,
        "readiness": {"generation": 4, "error": "", "age": 0.3, "ready": True, **readiness},
    }


def fed() -> LiveView:
    view = LiveView()
    view.take("state", {"services": [{"name": "web", "backends": [backend("1"), backend("2", state="draining")]}]})
    view.take("history", {"points": {"": [[1, 0, 1.0, 2.0]]}})
    view.take("numbers", numbers({"1": [100, 1.5, 0, 4, 0, 0, 0, 0, 0, 0], "2": [200, 11.0, 3, 3, 1, 0, 0, 0, 0, 0]}))
    return view


def shown(view: LiveView, choice: Choice | None = None, width: int = 100, height: int = 30) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(view.render(choice or Choice(), width, height))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_before_anything_has_come():
    assert "waiting" in shown(LiveView())


def test_services_and_tasks():
    text = shown(fed())
    for part in ("7 users", "3 connections", "table 4", "98.7% kept", "web.1", "draining", "11.0", "2 tasks",
                 "12 moved: 9 leaving, 3 failed", "4 own 503", "12.5 req/s", "0.5 5xx/s", "1,234 requests", "5 5xx"):  # fmt: skip
        assert part in text
    assert "by slot" not in text
    assert "own 502" not in text


def test_only_what_changed_is_sent():
    view = fed()
    view.take("numbers", numbers({"1": [101, 2.5, 0, 4, 0, 0, 0, 0, 0, 0]}))
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


def event(ident: int, text: str, level: str = "info") -> dict[str, Any]:
    when = "2026-11-22T12:13:14.000Z"
    return {"id": ident, "time": when, "level": level, "service": "web", "task": "web.1", "text": text}


def test_what_goes_wrong_and_what_happens():
    view = fed()
    view.take("numbers", numbers({}, error="no answer"))
    view.take("event", event(1, "went"))
    view.take("something new", {})
    text = shown(view)
    assert "the last good table stays: no answer" in text
    assert ":14 web web.1 went" in text
    view.problem = "connection lost"
    assert "connection lost" in shown(view)
    assert "confirmed" not in shown(view)  # nobody knows
    view.take("numbers", numbers({}))
    assert "connection lost" not in shown(view)


def test_times_are_local_as_on_the_page(monkeypatch):
    view = fed()
    view.take("event", event(1, "went"))
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert "17:43:14 web web.1 went" in shown(view)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_how_old_the_table_is():
    view = fed()
    for age, words in (
        (None, "table 4 never confirmed"),
        (0.9, "table 4 confirmed now"),
        (75.2, "table 4 confirmed 75 s ago"),
    ):
        view.take("numbers", numbers({}, age=age))
        assert words in shown(view, width=80)
    view.take("numbers", numbers({}, ready=False))
    assert "not ready" in shown(view)


def test_a_long_error_is_told_to_its_end():
    view = fed()
    view.take("numbers", numbers({}, error="unix:///var/run/docker.sock: " + "word " * 30 + "the remedy"))
    text = shown(view, width=60)
    assert "the remedy" in text
    assert "table 4" in text


def test_what_was_asked_for_is_not_there():
    view = fed()
    assert "no service is called wbe" in shown(view, Choice(service="wbe"))
    assert "nothing fits the filter" in shown(view, Choice(filter="nowhere"))
    view.take("state", {"services": []})
    assert "no service is routed yet" in shown(view)


def test_every_fact_of_a_service_is_there_in_a_narrow_terminal():
    text = shown(fed(), width=60)
    for part in ("12 moved: 9 leaving, 3 failed", "4 own 503", "98.7% kept"):
        assert part in text
    assert max(len(line) for line in text.splitlines()) <= 60


def test_a_service_without_a_task_tells_how_many_were_refused():
    view = fed()
    view.take("state", {"services": [{"name": "web", "backends": []}]})
    assert "4 own 503" in shown(view)


def test_why_a_task_gets_no_new_users():
    view = fed()
    tasks = [
        backend("1"),
        backend("2", state="draining", why="its node is being drained; keeps its users"),
        backend("3"),
    ]
    view.take("state", {"services": [{"name": "web", "backends": tasks}, {"name": "empty", "backends": []}]})
    view.take("numbers", numbers({"3": [5, 0.0, 0, 0, 0, 0, 1, 2, 7, 1]}))
    for width in (80, 150):
        text = shown(view, width=width)
        assert "its node is being drained; keeps its users" in text
        assert "ejected" in text
        assert "its requests fail: 7 connections failed, 1 answers lost" in text
        assert "no task: requests are answered with 503" in text
    assert "web.3" in shown(view, Choice(filter="ejected"))
    assert "web.1" not in shown(view, Choice(filter="ejected"))


def test_warnings_and_events():
    view = fed()
    assert "0 warnings" in shown(view)
    assert "no label warnings" in shown(view, Choice(panel="warnings"))
    assert "no events yet" in shown(view, Choice(panel="events"))
    warning = {
        "service": "web",
        "label": "faststicky.stikcy",
        "value": "true",
        "text": "no such label; did you mean sticky? " * 5,
    }
    view.take("state", {**view.state, "warnings": [warning]})
    text = shown(view, Choice(panel="warnings"), width=60)
    assert "1 warning " in text
    assert "web: faststicky.stikcy=true" in text
    assert max(len(line) for line in text.splitlines()) <= 60
    for number in range(40):
        view.take("event", event(number, f"event {number}"))
    view.take("event", event(39, "event 39"))  # told twice
    lines = shown(view, Choice(panel="events"), height=24).splitlines()
    assert [line.rpartition(" ")[2] for line in lines[2:5]] == ["39", "38", "37"]
    assert "event 29" in shown(view, Choice(panel="events", offset=10), height=24).splitlines()[2]


def test_an_event_is_told_to_its_end():
    view = fed()
    view.take("event", event(1, "answered, status 503, " + "word " * 20 + "and the remedy", "warning"))
    lines = shown(view, Choice(panel="events"), width=60).splitlines()
    assert lines[2].startswith("12:13:14 web web.1 answered")
    assert lines[3].startswith("         word")
    assert "and the remedy" in " ".join(" ".join(lines).split())
    assert max(len(line) for line in lines) <= 60


def test_many_services_and_tasks_can_all_be_seen():
    view = fed()
    tasks = [backend(f"{number:03}") for number in range(99)] + [
        backend("bad", state="down", why="failed its health check")
    ]
    view.take("state", {"services": [{"name": f"s{number:02}", "backends": tasks} for number in range(30)]})
    text = shown(view, height=24)
    assert "2 of 100 tasks" in text
    assert text.index("web.bad") < text.index("web.000")  # what is wrong comes first
    assert "more services of 30" in text
    assert "s29" not in text
    assert "s29" in shown(view, Choice(offset=29), height=24)
    assert "web.098" in shown(view, Choice(service="s07", offset=90), height=24)
    assert "s29" in shown(view, Choice(offset=999), height=24)


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
