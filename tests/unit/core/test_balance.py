"""Who gets the next new session: spread, weights, hashing, and what is passed over."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from faststicky.core import Table
from faststicky.model import BackendSpec, CookiePolicy, ServiceSpec, TableSpec


def table(weights: list[int], *, states: str = "", local: str = "", old: str = "", **options: Any) -> Table:
    """One service "s" with backends b0, b1, ...; states: a letter each (u, d, l, x), local: 1 for a local one, old: 1
    for one that the update under way has still to replace."""
    names = {"u": "up", "d": "draining", "l": "leaving", "x": "down"}
    backends = tuple(
        BackendSpec(
            id=f"b{at}",
            name=f"b{at}",
            host="127.0.0.1",
            port=1 + at,
            weight=weight,
            state=names[states[at]] if states else "up",  # type: ignore[arg-type]
            cookie_value="",
            local=bool(local) and local[at] == "1",
            outdated=bool(old) and old[at] == "1",
        )
        for at, weight in enumerate(weights)
    )
    options.setdefault("cookie", None)
    service = ServiceSpec(name="s", backends=backends, lookup=(), pass_host_header=True, **options)
    return Table(TableSpec(generation=1, services=(service,), routes=()))


def drawn(found: Table, times: int) -> Counter[str | None]:
    return Counter(found.choose("s") for _ in range(times))


def test_turns_are_exact() -> None:
    assert set(drawn(table([1, 1, 1]), 30).values()) == {10}
    assert drawn(table([5, 1, 2]), 80) == {"b0": 50, "b1": 10, "b2": 20}


def test_turns_are_smooth() -> None:
    """Five to one to one: never five of the heavy one in a row (nginx's example)."""
    found = table([5, 1, 1])
    assert "".join(str(found.choose("s"))[1] for _ in range(7)) in {"0010200", "0012000", "0020100", "0102000"}


@pytest.mark.parametrize("balance", ["random", "p2c"])
def test_chance_follows_the_weights(balance: str) -> None:
    counts = drawn(table([3, 1, 0], balance=balance), 4000)
    assert counts["b2"] == 0
    assert 2600 < counts["b0"] < 3400


def test_without_load_least_takes_turns() -> None:
    assert set(drawn(table([1, 1, 1, 1], balance="least"), 40).values()) == {10}


def test_the_same_key_meets_the_same_backend() -> None:
    """Without a request there is one key only; every table and process must agree on its backend."""
    choices = {table([1, 1, 1, 1, 1], balance="hash").choose("s") for _ in range(20)}
    assert len(choices) == 1
    (mine,) = choices
    gone = ["u"] * 5
    gone[int(str(mine)[1])] = "x"
    assert table([1] * 5, balance="hash", states="".join(gone)).choose("s") != mine
    other = ["u"] * 5
    other[(int(str(mine)[1]) + 1) % 5] = "x"
    assert table([1] * 5, balance="hash", states="".join(other)).choose("s") == mine


@pytest.mark.parametrize("balance", ["wrr", "least", "p2c", "random", "hash"])
def test_states(balance: str) -> None:
    assert set(drawn(table([1, 1, 1, 1], balance=balance, states="xudl"), 20)) == {"b1"}
    # Nobody is up: better a draining one than none
    assert set(drawn(table([1, 1, 1, 1], balance=balance, states="xldl"), 20)) == {"b2"}
    assert table([1, 1], balance=balance, states="xl").choose("s") is None
    assert table([], balance=balance).choose("s") is None
    assert table([0, 0], balance=balance).choose("s") is None


@pytest.mark.parametrize("balance", ["wrr", "least", "p2c", "random", "hash"])
def test_local_backends_are_preferred(balance: str) -> None:
    assert set(drawn(table([1] * 4, balance=balance, local="0110", prefer_local=True), 40)) <= {"b1", "b2"}
    assert set(drawn(table([1] * 4, balance=balance, local="0110", states="uxxu", prefer_local=True), 40)) <= {
        "b0",
        "b3",
    }
    assert len(drawn(table([1] * 4, balance="wrr", local="0110"), 40)) == 4


STICKY = CookiePolicy(name="s")


@pytest.mark.parametrize("balance", ["wrr", "least", "p2c", "random", "hash"])
def test_sessions_go_to_backends_that_the_update_has_done(balance: str) -> None:
    assert set(drawn(table([1] * 4, balance=balance, old="1001", cookie=STICKY), 40)) <= {"b1", "b2"}
    # Nobody of them is up, or the same is true of all
    for options in (
        {"old": "1001", "states": "uxdu"},
        {"old": "1111", "states": "uxxu"},
        {"old": "0000", "states": "uxxu"},
    ):
        assert set(drawn(table([1] * 4, balance=balance, cookie=STICKY, **options), 40)) <= {"b0", "b3"}


def test_without_sessions_nobody_is_the_worse_for_an_update() -> None:
    assert set(drawn(table([1] * 4, old="0111"), 40).values()) == {10}


def test_among_those_that_are_done_sessions_are_spread_by_weight() -> None:
    assert drawn(table([1, 1, 3, 9], old="0001", cookie=STICKY), 50) == {"b0": 10, "b1": 10, "b2": 30}


def test_local_and_done_comes_before_done_and_that_before_local() -> None:
    def choices(states: str) -> set[str | None]:
        found = table([1] * 4, local="0101", old="0011", states=states, prefer_local=True, cookie=STICKY)
        return set(drawn(found, 40))

    assert choices("uuuu") == {"b1"}
    assert choices("uxuu") == {"b0"}
    assert choices("xxuu") == {"b3"}
    assert choices("xxux") == {"b2"}


def test_a_newcomer_counts_less_at_first() -> None:
    """At tick 0 of a slow start of ten seconds everybody is alike new; the ramp itself is the relay's to show."""
    assert set(drawn(table([2, 1], slow_start=10.0), 30)) == {"b0", "b1"}
