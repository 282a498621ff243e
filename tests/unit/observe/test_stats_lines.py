from __future__ import annotations

import datetime
import json

from faststicky.observe.histogram import Histogram
from faststicky.observe.stats_lines import TASKS_A_LINE, Facts, build, joined, summary
from unit.observe.samples import sample, service, task

WHEN = datetime.datetime(2026, 11, 22, 21, 3, 4, 123456, tzinfo=datetime.UTC)
FACTS = Facts(
    node="node1", connections=7, generation=3, sync_age=0.25, workers=2, restarts=1, memory=1024, open_files=9
)


def lines(part, **options):
    return [json.loads(line) for line in build(part, FACTS, {"1": "up"}, WHEN, **options)]


def test_a_line_for_each_service_and_one_for_all():
    web = service(
        "web",
        task("1", 2),
        task("2", 0, in_flight=1),
        task("3", 0),
        millis=(10, 30),
        outcomes={"hit": 3, "moved_leaving": 1, "new": 0},
    )
    idle = service("idle")
    first, total = lines(sample(service("", millis=(10, 30)), web, idle, seconds=4.0))
    assert first["scope"] == "service"
    assert (first["time"], first["node"], first["interval"]) == ("2026-11-22T21:03:04.123Z", "node1", 4.0)
    assert (first["requests"], first["rate"], first["hit_rate"]) == (2, 0.5, 0.75)
    assert first["outcomes"] == {"hit": 3, "moved_leaving": 1}
    assert [(each["task"], each["state"]) for each in first["tasks"]] == [
        ("web.1@node1", "up"),
        ("web.2@node1", "gone"),
    ]
    assert 10 <= first["first_byte_ms"]["p50"] <= 10.4
    assert 30 <= first["total_ms"]["max"] <= 31
    assert Histogram.decode(first["histograms"]["total"]).count == 2
    assert total["scope"] == "total"
    assert (total["connections"], total["generation"], total["memory"], total["open_files"]) == (7, 3, 1024, 9)
    assert "last" not in total


def test_a_large_service_goes_on_in_lines_of_its_own():
    web = service("web", *(task(str(number)) for number in range(1000)), requests=1000)
    built = list(build(sample(service(""), web, seconds=1.0), FACTS, {}, WHEN))
    assert max(len(line) for line in built) < 16384
    assert joined(built).count(b"\n") == len(built)
    parts = [json.loads(line) for line in built]
    assert [part["scope"] for part in parts] == ["service", *["tasks"] * 41, "total"]
    assert len(parts[0]["tasks"]) == TASKS_A_LINE
    assert sum(len(part.get("tasks", ())) for part in parts) == 1000


def test_the_last_ones_say_so():
    (total,) = lines(sample(service(""), seconds=1.0), last=True)
    assert total["last"] is True
    assert total["hit_rate"] is None
    assert total["first_byte_ms"]["p99.9"] is None


def test_a_short_form_for_people():
    web = service("web\n\x1b", millis=(10, 30), outcomes={"hit": 3, "moved_leaving": 1}, answers=[0, 0, 1, 0, 0, 1])
    (line,) = summary(sample(service(""), web, service("idle"), seconds=4.0), WHEN)
    assert line.endswith(b"users=0 hits=75.0%\n")
    assert b" web\\n\\x1b  requests=2 rate=0.5 5xx=1 p50=10" in line
