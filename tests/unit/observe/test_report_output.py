from __future__ import annotations

import csv
import io
import json

import pytest
from rich.console import Console

from faststicky.observe.log_report import Report
from faststicky.observe.report_output import as_csv, as_json, scale, show
from unit.observe.logs import access, prefixed, stats


@pytest.fixture
def report():
    report = Report()
    for number in range(5):
        for node in ("node1", "node2"):
            report.add_all(prefixed(line, node) for line in stats("x", 10 * number, (5, 300)))
    report.add(access(3))
    report.add("{")
    return report


def shown(report: Report, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 140])
def test_tables_and_plots(report, width):
    text = shown(report, width)
    for part in ("services", "web", "tasks", "web.1@node1", "nodes", "node2", "paths", "/a", "requests a second",
                 "time to first byte", "1 damaged"):  # fmt: skip
        assert part in text
    assert max(len(line) for line in text.splitlines()) <= width
    web = next(line for line in text.splitlines() if line.startswith("web "))
    assert web.split()[1] == "20"


def test_why_users_were_moved():
    report = Report()
    report.add_all(stats("x", 0, (5, 300), outcomes={"hit": 1, "moved_gone": 1}))
    assert "1 moved: 1 gone" in shown(report, 80)


def test_what_the_proxy_answered_itself():
    report = Report()
    report.add_all(stats("x", 0, (5, 300), failures={"502": 0, "503": 4, "504": 1, "other": 0}))
    assert "web  5 answered by the proxy itself: 4 503, 1 504" in shown(report, 80)


def test_how_old_the_table_was():
    report = Report()
    for second, age in ((20, 0.2), (0, 0.1), (10, 17.0)):  # lines of several replicas come in any order
        for line in stats("x", second, (5,)):
            report.add(prefixed(line.replace('"sync_age":0.1', f'"sync_age":{age}'), "node1"))
    text = shown(report, 100)
    assert "node1  table 1, 0 s old at 12:00:20; at the most 17 s: the source of backends did not answer" in text
    assert json.loads(as_json(report))["nodes"]["node1"]["sync_age"] == {"last": 0.2, "max": 17.0}
    never = Report()
    never.add_all(line.replace('"sync_age":0.1', '"sync_age":null') for line in stats("x", 0, (5,)))
    assert "x  table 1, never confirmed at 12:00:00\n" in shown(never, 100)


def warning(second: int, event: str, level: str = "warning", **more: object) -> str:
    return json.dumps({"time": f"2026-11-22T12:00:{second:02}Z", "level": level, "event": event, **more})


def test_what_the_log_warned_of():
    report = Report()
    label = "service web, faststicky.stcky=true: no such label, ignored; did you mean faststicky.sticky?"
    for node in ("node1", "node2"):
        report.add(prefixed(warning(1, label), node))
        for second in (2, 3):
            line = warning(
                second, "answered", service="web", status=503, reason="no-backend", client="10.0.0.1", remedy="see why"
            )
            report.add(prefixed(line, node))
    report.add(warning(4, "answered", service="web", status=503, reason="no-backend", suppressed=10))
    report.add(warning(5, "sync failed, the last table stays: [away]", "error"))
    report.add(warning(6, "backends changed", "info"))
    assert (report.lines["warning"], report.lines["other"], report.lines["damaged"]) == (8, 1, 0)
    lines = [line.strip() for line in shown(report, 140).splitlines()]
    at = lines.index("warnings and errors")
    assert lines[at + 1] == "1  12:00:05  sync failed, the last table stays: [away]"
    assert lines[at + 2] == f"2  12:00:01  {label}"
    assert lines[at + 3] == "15  12:00:04  web: answered, status 503, reason no-backend; see why"
    assert json.loads(as_json(report))["warnings"][2]["count"] == 15


def test_warnings_without_end():
    report = Report()
    for number in range(1500):
        report.add(warning(1, f"message {number}"))
    assert len(report.warnings) == 1000
    assert "988 more kinds" in shown(report, 100)


def test_failed_tries_of_each_task(report):
    heads = [line for line in shown(report, 140).splitlines() if "failed" in line]
    assert len(heads) == 3  # services, tasks, nodes


@pytest.mark.parametrize(
    ("top", "heights"),
    [
        (0, [0, 1]),
        (1, [0, 0.5, 1]),
        (7.3, [0, 2, 4, 6, 8]),
        (1733, [0, 500, 1000, 1500, 2000]),
        (0.031, [0, 0.01, 0.02, 0.03, 0.04]),
        (1_000_000, [0, 500_000, 1_000_000]),
    ],
)
def test_round_numbers_beside_a_plot(top, heights):
    assert scale(top) == pytest.approx(heights)


def test_a_plot_says_what_it_shows_and_when(report):
    text = shown(report, 100)
    assert "requests a second (.): by 10 s, from 12:00:00" in text
    assert "p50 (.), p99 (*): time to first byte, ms" in text
    axis = [line for line in text.splitlines() if line.split()[:1] == ["12:00:00"]]
    assert len(axis) == 2


def test_nothing_at_all():
    assert "nothing" in shown(Report(), 80)


def test_access_lines_alone():
    report = Report()
    report.add(access(1))
    assert "web.1@node1" in shown(report, 80)


def test_names_are_not_markup():
    report = Report()
    report.add(access(1, service="[red]x", target="/[bold]"))
    assert "[red]x" in shown(report, 100)
    assert "/[bold]" in shown(report, 100)


def test_json(report):
    data = json.loads(as_json(report))
    assert data["services"]["web"]["requests"] == 20
    assert 300 <= data["services"]["web"]["first_byte_ms"]["p99"] <= 310
    assert data["lines"] == {"stats": 20, "access": 1, "damaged": 1}
    assert [point["rate"] for point in data["timeline"]["points"]] == [0.4] * 5
    assert data["access"]["targets"] == {"/a": 1}


def test_csv(report):
    rows = list(csv.DictReader(io.StringIO(as_csv(report))))
    assert [row["scope"] for row in rows] == ["total", "service", "task", "node", "node", "access", "access-task"]
    assert (rows[0]["requests"], rows[2]["name"]) == ("20", "web.1@node1")
    assert float(rows[1]["first_byte_ms.max"]) >= 300
