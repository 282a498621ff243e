from __future__ import annotations

import io

import pytest
from rich.console import Console

from faststicky.bench import table
from faststicky.bench.during import Cost
from unit.bench.builders import histogram, part, result


def printed(show, *args) -> str:
    console = Console(file=io.StringIO(), width=140)
    show(console, *args)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 µs"), (999, "999 µs"), (1000, "1 ms"), (123_456, "123 ms"), (2_500_000, "2.5 s")]
)
def test_durations(value, text):
    assert table.duration(value) == text


def test_sizes_and_counts():
    assert (table.size(10), table.size(2048), table.size(3 << 30)) == ("10 B", "2.0 KiB", "3.0 GiB")
    assert (table.counted({}), table.counted({"reset": 3, "connect": 1})) == ("none", "1 connect, 3 reset")


def test_a_run():
    text = printed(
        table.show, result(part(0, 10, 20, errors={"reset": 1}, backends={"b1": 2}, cookies_set=1), sessions=1)
    )
    for word in ("2 in 0.2 s", "1 reset", "every user stayed", "b1: 2", "p99.9"):
        assert word in text


def test_users_who_were_moved_and_users_without_cookies():
    moved = result(part(0, 10, moved=1, elsewhere=3, cookies_set=2), sessions=2)
    assert "1 of 2 users were moved" in table.verdict(moved)
    assert "3 requests answered by another backend" in table.verdict(moved)
    assert "no cookie was set" in table.verdict(result(part(0, 10), sessions=2))


def test_an_open_loop_shows_both_latencies():
    text = printed(table.show, result(part(0, 10, corrected=histogram(9000), late=histogram(5)), rate=50.0))
    assert "9 ms" in text
    assert "10 µs" in text


def test_what_a_command_cost():
    cost = Cost(command="true", code=0, begin=1, end=2, parts={"before": part(0, 10), "during": part(1, 9000)})
    text = printed(table.show_cost, cost)
    assert "exit code 0" in text
    assert "9 ms" in text


def test_a_comparison_gives_medians_and_ratios():
    slow = [result(part(0, *[100] * n)) for n in (10, 20, 30)]
    fast = [result(part(0, *[50] * n)) for n in (40, 40, 10)]
    text = printed(table.show_comparison, list(zip(slow, fast, strict=True)))
    assert "2.00" in text
    assert "0.5" in text
