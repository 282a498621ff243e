from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.observe.log_report import Report
from unit.observe.logs import START, access, prefixed, stats
from unit.observe.samples import service


def reported(*texts: str, **limits) -> Report:
    report = Report(**limits)
    report.add_all(texts)
    return report


@given(st.lists(st.lists(st.integers(1, 100_000), max_size=30), min_size=1, max_size=6), st.randoms())
def test_lines_of_nodes_and_intervals_add_up_to_what_one_proxy_would_have_counted(intervals, order: random.Random):
    lines = []
    for number, millis in enumerate(intervals):
        lines += [prefixed(line, f"node{number % 3}") for line in stats("x", 10 * number, tuple(millis))]
    order.shuffle(lines)
    report = reported(*lines)
    whole = service("", millis=tuple(value for millis in intervals for value in millis))
    assert report.whole.first_byte == whole.first_byte
    assert report.whole.counts["requests"] == whole.numbers.requests
    assert sum(node.counts["requests"] for node in report.nodes.values()) == whole.numbers.requests
    assert report.whole.sessions == 1  # the same user everywhere


def test_services_tasks_nodes_and_the_timeline():
    one = stats("a", 0, (5, 7), outcomes={"hit": 1, "moved_leaving": 1}, answers=[0, 0, 1, 0, 0, 1])
    report = reported(*one, *stats("b", 10, (9,), outcomes={"hit": 1}, answers=[0, 0, 1, 0, 0, 0]))
    web = report.services["web"]
    assert (web.counts["requests"], web.errors) == (3, 1)
    assert web.hit_rate == 2 / 3
    assert report.tasks["web", "web.1@node1"].counts["requests"] == 3
    assert report.tasks["web", "web.1@node1"].state == "up"
    assert set(report.nodes) == {"a", "b"}
    assert [(moment.requests, moment.errors) for moment in report.timeline] == [(2, 1), (1, 0)]
    assert report.lines == {"stats": 4}


def test_the_tasks_of_a_large_service_are_in_several_lines():
    from faststicky.observe.stats_lines import Facts, build
    from unit.observe.samples import sample, task

    web = service("web", *(task(str(number)) for number in range(100)), requests=100)
    facts = Facts(node="a", connections=0, generation=1, sync_age=None, workers=1, restarts=0, memory=1, open_files=1)
    report = reported(*(line.decode() for line in build(sample(service(""), web, seconds=1.0), facts, {}, START)))
    assert len(report.tasks) == 100
    assert report.services["web"].counts["requests"] == 100


def test_access_lines_are_added_up_apart():
    report = reported(
        access(0),
        access(1, target="/a?x", status=502, first=-1, sticky="moved_failed", retries=1),
        access(2, backend="", service="api"),
    )
    assert report.access.counts["requests"] == 3
    assert report.access.errors == 1
    assert report.access.first_byte.count == 2
    assert report.access_services["web"].hit_rate == 0.5
    assert set(report.access_tasks) == {("web", "web.1@node1")}
    assert report.targets == {"/a": 3}
    assert report.statuses == {200: 2, 502: 1}
    assert report.whole.counts["requests"] == 0


def test_a_status_above_599_counts_as_a_5xx():
    report = reported(access(0, status=600), access(1, status=999), access(2, status=599))
    assert report.access.answers == {"5xx": 3}
    assert report.statuses == {600: 1, 999: 1, 599: 1}


def test_damaged_lines_are_counted_and_leave_nothing_behind():
    good = stats("a", 0, (5,))
    broken = good[0].replace('"total":"1.', '"total":"9.')
    for text in (good[0][:-40], broken, good[1].replace('"retries":0', '"retries":"x"'), access(1, status="x")):
        report = reported(text)
        assert report.lines == {"damaged": 1}
        assert report.services == {} or report.services["web"].counts["requests"] == 0
        assert report.whole.counts["requests"] == 0
        assert report.access.counts["requests"] == 0
    assert reported("{", *good, "hello", "").lines == {"damaged": 1, "stats": 2, "other": 1}


@pytest.mark.parametrize("scope", ["service", "total"])
@pytest.mark.parametrize("damage", ["requests", "answers", "outcomes", "failures", "session_registers", "interval"])
def test_no_part_of_a_damaged_line_is_counted(scope, damage):
    line = next(fields for fields in map(json.loads, stats("a", 0, (5,))) if fields["scope"] == scope)
    for fields in (line, *line.get("tasks", [])):
        if damage in fields:
            for value in (None, "x", {"2xx": "x"}, [1]):
                before, fields[damage] = fields[damage], value
                report = reported(json.dumps(line), keep_intervals=True)
                fields[damage] = before
                assert report.lines == {"damaged": 1}
                parts = (report.services, report.tasks, report.nodes, report.timeline, report.intervals)
                assert parts == ({}, {}, {}, [], [])
                assert (report.whole.counts, report.whole.registers) == ({}, {})
    assert reported(json.dumps(line)).lines == {"stats": 1}


@pytest.mark.parametrize("damage", ["status", "bytes", "retries", "sticky", "target", "first", "total"])
def test_no_part_of_a_damaged_access_line_is_counted(damage):
    fields = json.loads(access(0))
    del fields[damage]
    report = reported(json.dumps(fields))
    assert report.access.counts == {}
    assert report.access_services == {}
    assert report.lines in ({"damaged": 1}, {"other": 1})  # without a status or a target it is none of ours


def test_a_span_of_time():
    lines = [line for second in (0, 10, 20) for line in stats("a", second, (5,))]
    import datetime

    since, until = START + datetime.timedelta(seconds=5), START + datetime.timedelta(seconds=15)
    report = reported(*lines, since=since, until=until)
    assert report.whole.counts["requests"] == 1
    assert report.lines == {"outside": 4, "stats": 2}
    assert report.first == report.last == START + datetime.timedelta(seconds=10)


def test_a_task_whose_predecessor_had_its_name_is_not_gone():
    """Lines of several nodes come in any order, and the old task is told of for as long as its users are counted."""
    report = Report()
    for second, states in ((0, ("up",)), (20, ("up", "gone")), (10, ("draining",))):
        for line in stats("x", second, (5,)):
            fields = json.loads(line)
            fields["tasks"] = [{**task, "state": state} for task in fields.get("tasks", ()) for state in states]
            report.add(json.dumps(fields))
    assert report.tasks["web", "web.1@node1"].state == "up"
    for line in stats("x", 30, (5,)):
        report.add(line.replace('"state":"up"', '"state":"gone"'))
    assert report.tasks["web", "web.1@node1"].state == "gone"
