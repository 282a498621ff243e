"""The compiled routing table against the plain-Python twin, and its balancer against the definition."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import twin.table
from faststicky.core import _table
from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec, TableSpec

checked = settings(max_examples=300, derandomize=True, deadline=None, database=None)

HOSTS = ["a", "b", "a.example.com", "example.com", "[::1]"]
PATHS = ["/", "/a", "/a/", "/a/b", "/b", "/%61"]
VALUES = {
    "host": HOSTS,
    "host_suffix": [".example.com", ".com", ".a"],
    "path": PATHS,
    "path_prefix": PATHS,
    "method": ["GET", "POST", "get"],
}
ASKED_HOSTS = [
    *HOSTS, "A.Example.COM:8080", "a.", "a.:80", "a:", "x.y.example.com", ".example.com", "[::1]:80", "xexample.com",
    "", "a" * 300,
]  # fmt: skip
ASKED_PATHS = ["/", "/a", "/a?b", "/a/b/c", "/A", "/ab", "*", "", "/?/a", "/%61?x"]


@st.composite
def matchers(draw: st.DrawFn) -> Matcher:
    kind = draw(st.sampled_from(sorted(VALUES)))
    values = draw(st.lists(st.sampled_from(VALUES[kind]), min_size=1, max_size=3))
    return Matcher(kind, tuple(values), draw(st.integers(0, 4)) == 0)  # type: ignore[arg-type]


@st.composite
def routes(draw: st.DrawFn) -> Route:
    conditions = st.lists(matchers(), max_size=3).map(tuple)
    alternatives = draw(st.lists(conditions, min_size=1, max_size=3).map(tuple))
    service, priority = draw(st.sampled_from(["one", "two", "three"])), draw(st.integers(-1, 3))
    return Route(name="r", rule="", service=service, priority=priority, alternatives=alternatives)


def backend(number: int, weight: int = 1, state: str = "up") -> BackendSpec:
    name = f"b{number}"
    return BackendSpec(
        id=name,
        name=name,
        host="127.0.0.1",
        port=9000 + number,
        weight=weight,
        state=state,
        cookie_value=f"t{number}.s{number}",
    )  # type: ignore[arg-type]


def service(name: str, backends: list[BackendSpec], lookup: list[tuple[str, int, Any]] | None = None) -> ServiceSpec:
    policy = CookiePolicy(name="s")
    return ServiceSpec(
        name=name, backends=tuple(backends), lookup=tuple(lookup or ()), cookie=policy, pass_host_header=True
    )


def both(services: list[ServiceSpec], rules: list[Route]) -> tuple[_table.Table, twin.table.Table]:
    spec = TableSpec(generation=7, services=tuple(services), routes=tuple(rules))
    return _table.Table(spec), twin.table.Table(spec)


@checked
@given(st.lists(routes(), max_size=6), st.data())
def test_routes_like_the_twin(rules: list[Route], data: Any) -> None:
    core, model = both([service(name, []) for name in ("one", "two", "three")], rules)
    for _ in range(12):
        host = data.draw(st.sampled_from(ASKED_HOSTS)).encode()
        path = data.draw(st.sampled_from(ASKED_PATHS)).encode()
        method = data.draw(st.sampled_from([b"GET", b"POST", b"get"]))
        assert core.route(host, path, method) == model.route(host, path, method)


states = st.sampled_from(["up", "up", "up", "draining", "leaving", "down"])
TOKENS = ["t0", "t1", "t2", "s0", "s1", "s2", "p0"]


@st.composite
def lookups(draw: st.DrawFn, backends: int) -> list[tuple[str, int, str]]:
    own = st.tuples(
        st.sampled_from(TOKENS), st.integers(0, backends - 1), st.sampled_from(["task", "slot", "previous"])
    )
    foreign = st.tuples(
        st.sampled_from(["http://10.0.0.5:8000", "http://a:1", "0f3a"]),
        st.integers(0, backends - 1),
        st.just("foreign"),
    )
    return draw(st.lists(own | foreign, max_size=8))


cookie_values = st.sampled_from([
    "", ".", "t0", "s0", "t0.s0", "t1.s0", "t0.s1", "x.s0", "x.y", ".s0", "t0.", "s0.t0", "t0.s0.s1", "p0.s0", "p0",
    "T0", "http://10.0.0.5:8000", "http://10.0.0.5:80", "http://a:1", "0f3a", "0f3a.s1", "t2.s2", "a" * 600,
])  # fmt: skip


@checked
@given(st.integers(1, 3), st.data())
def test_cookies_like_the_twin(count: int, data: Any) -> None:
    backends = [backend(number, state=data.draw(states)) for number in range(count)]
    core, model = both([service("one", backends, data.draw(lookups(count)))], [])
    for _ in range(8):
        value = data.draw(cookie_values).encode()
        assert core.find("one", value) == model.find("one", value)


@checked
@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.integers(0, 99), st.integers(0, 9)), max_size=40),
    st.data(),
)
def test_cookie_table_like_the_twin(entries: list[tuple[bytes, int, int]], data: Any) -> None:
    core, model = _table.CookieTable(entries), twin.table.CookieTable(entries)
    assert len(core) == len(model)
    for value in [entry[0] for entry in entries] + data.draw(st.lists(st.binary(max_size=3), max_size=10)):
        assert core.find(value) == model.find(value)


@pytest.mark.parametrize("count", [1, 7, 64, 5000])
def test_cookie_table_holds_everything_at_any_size(count: int) -> None:
    entries = [(b"%016x" % number, number, number % 4) for number in range(count)]
    table = _table.CookieTable(entries)
    assert [table.find(value) for value, *_ in entries] == [entry[1:] for entry in entries]
    assert table.find(b"%016x" % count) is None


@checked
@given(st.lists(st.tuples(st.integers(0, 5), states), min_size=2, max_size=5))
def test_weighted_choice_like_the_twin(specs: list[tuple[int, str]]) -> None:
    assume(len({weight for weight, _ in specs}) > 1)
    backends = [backend(number, weight, state) for number, (weight, state) in enumerate(specs)]
    core, model = both([service("one", backends)], [])
    assert [core.choose("one") for _ in range(30)] == [model.choose("one") for _ in range(30)]


@checked
@given(st.integers(1, 3), st.lists(states, min_size=1, max_size=6))
def test_equal_weights_take_turns(weight: int, given_states: list[str]) -> None:
    """The core begins anywhere, then goes round as the twin does."""
    backends = [backend(number, weight, state) for number, state in enumerate(given_states)]
    core, model = both([service("one", backends)], [])
    chosen = [core.choose("one") for _ in range(24)]
    order = [model.choose("one") for _ in range(24 + len(backends))]
    assert any(chosen == order[start : start + 24] for start in range(len(backends)))


def test_choice_is_proportional_and_smooth() -> None:
    """nginx's example: weights 5, 1, 1 give a a b a c a a, not five times a in a row."""
    table, _ = both([service("one", [backend(0, 5), backend(1, 1), backend(2, 1)])], [])
    chosen = [table.choose("one") for _ in range(7)]
    assert chosen == ["b0", "b0", "b1", "b0", "b2", "b0", "b0"]
    assert Counter(table.choose("one") for _ in range(700)) == {"b0": 500, "b1": 100, "b2": 100}


def test_weight_zero_gets_no_new_session() -> None:
    table, _ = both([service("one", [backend(0, 0)]), service("two", [])], [])
    assert table.choose("one") is None
    assert table.choose("two") is None


def test_generation_and_unknown_services() -> None:
    table, _ = both([service("one", [])], [])
    assert table.generation == 7
    for ask in (lambda: table.choose("x"), lambda: table.find("x", b"y")):
        with pytest.raises(KeyError):
            ask()
