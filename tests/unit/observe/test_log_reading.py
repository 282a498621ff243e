from __future__ import annotations

import datetime

import pytest

from faststicky.observe.log_reading import DamagedError, moment, read
from unit.observe.logs import access, prefixed, stats


def test_a_line_as_it_is_and_as_docker_shows_it():
    text = stats("inside", 0, (5,))[0]
    plain = read(text)
    assert plain is not None
    assert (plain.kind, plain.node, plain.replica) == ("stats", "inside", "")
    for shown in (
        prefixed(text, "node2"),
        prefixed(f"2026-11-22T12:00:00.123456789Z {text}", "node2"),
        "2026-11-22T12:00:00.123456789Z " + prefixed(text, "node2"),
    ):
        line = read(shown)
        assert line is not None
        assert (line.kind, line.node, line.replica) == ("stats", "node2", "proxy.1.abc")
        assert line.fields == plain.fields
    composed = read(f"proxy-1  | {text}")
    assert composed is not None
    assert composed.node == "inside"


def test_access_lines_and_others():
    line = read(access(1))
    assert line is not None
    assert line.kind == "access"
    for other in (
        '{"time":"2026-11-22T12:00:00Z","event":"ready"}',
        "12:00:01 INFO ready",
        "[1, 2]",
        "",
        "{} ",
        "I'm a",
    ):
        assert read(other) is None


@pytest.mark.parametrize(
    "text", ['{"event":"stats","ti', "{", stats("a", 0, ())[0].replace("2026", "x"), access(1, time=None)]
)
def test_damaged_lines(text):
    with pytest.raises(DamagedError):
        read(text)


def test_moments():
    assert moment("2026-11-22T12:00:00Z") == datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC)
    assert moment("2026-11-22T12:00:00").tzinfo is datetime.UTC
