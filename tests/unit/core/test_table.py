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

checked = settings(max_examples=300, derandomize=True, database=None)

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


# ------------------------------------------------------------ built from the one before; see also unit/serve/test_publication.py


class Line:
    """A backend, and the cookie values that lead to it."""

    def __init__(self, spec: BackendSpec, *values: tuple[str, str]) -> None:
        self.backend, self.values = spec, values


EVERY = Route(name="r", rule="", service="one", priority=1, alternatives=((),))


def begun(base: _table.Table | None = None, backends: int = 3, values: int = 3) -> _table.TableBuilder:
    """A builder that waits for the backends of the service `one`."""
    builder = _table.TableBuilder(8, base)
    list(builder.service(service("one", []), backends, values))
    return builder


def first_table() -> _table.Table:
    lookup = [(f"t{number}", number, "task") for number in range(3)]
    spec = TableSpec(
        generation=7,
        services=(service("one", [backend(i) for i in range(3)], lookup), service("two", [])),
        routes=(EVERY,),
    )
    return _table.Table(spec)


def test_what_did_not_change_is_shared() -> None:
    base = first_table()
    builder = begun(base)
    list(builder.backends([(1, 2, [Line(backend(9), ("t9", "task"))])]))
    list(builder.finish())
    made = builder.table
    assert (made.generation, base.generation) == (8, 7)
    assert made.services[1] is base.services[1]
    assert [each.id for each in made.services[0].backends] == ["b1", "b2", "b9"]
    assert made.services[0].backends[0] is base.services[0].backends[1]
    assert made.route(b"a", b"/") == "one"
    assert [made.find("one", b"t%d" % number) for number in (0, 1, 2, 9)] == [
        None, ("b1", "task"), ("b2", "task"), ("b9", "task"),
    ]  # fmt: skip
    assert base.find("one", b"t0") == ("b0", "task")
    del base
    builder = _table.TableBuilder(9, made)
    builder.names(["two"])
    builder.names(["one"])
    builder.routes([EVERY])
    list(builder.finish())
    assert [each.name for each in builder.table.services] == ["two", "one"]
    assert builder.table.route(b"a", b"/") == "one"


@pytest.mark.parametrize(
    ("segments", "error"),
    [
        ([(1, 3, [])], "no backends 1 to 4 to keep"),
        ([(4294967295, 2, [])], "to keep"),
        ([(0, 2, []), (1, 1, [])], "backend 1 of service 'one' is kept twice"),
        ([(0, 0, [Line(backend(i)) for i in range(4)])], "more than 3 backends"),
        ([(0, 3, [Line(backend(4))])], "more than 3 backends"),
        ([(0, 0, [Line(backend(1), ("\u20ac", "task"))])], "latin-1"),
        ([(0, 0, [Line(backend(1), ("", "task"))])], "an empty key"),
        ([(0, 0, [Line(backend(1), *((f"v{i}", "task") for i in range(9)))])], "that were announced"),
    ],
)  # fmt: skip
def test_segments_that_are_unsound(segments: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        list(begun(first_table()).backends(segments))


def test_pieces_that_are_unsound() -> None:
    base = first_table()
    with pytest.raises(ValueError, match="it is not in force"):
        list(begun().backends([(0, 1, [])]))
    with pytest.raises(ValueError, match="backends of no service"):
        list(_table.TableBuilder(8, base).backends([]))
    unfinished = begun(base)
    with pytest.raises(ValueError, match="has 0 of its 3 backends"):
        list(unfinished.finish())
    with pytest.raises(ValueError, match="in the middle of another, or twice"):
        list(unfinished.service(service("two", []), 0, 0))
    twice = begun(base, 0, 0)
    with pytest.raises(ValueError, match="or twice"):
        list(twice.service(service("one", []), 0, 0))
    twice.names(["two"])
    with pytest.raises(ValueError, match="'one' is new, but not among"):
        list(twice.finish())
    unknown = _table.TableBuilder(8, base)
    unknown.names(["one", "three"])
    with pytest.raises(ValueError, match="'three' is neither new nor in force"):
        list(unknown.finish())
    nowhere = _table.TableBuilder(8, base)
    nowhere.names(["two"])
    nowhere.routes([EVERY])
    with pytest.raises(ValueError, match="leads to service 'one', which does not exist"):
        list(nowhere.finish())
    with pytest.raises(ValueError, match="leads to backend 3 of 1"):
        _table.Table(TableSpec(generation=1, services=(service("one", [backend(0)], [("x", 3, "task")]),), routes=()))
    with pytest.raises(ValueError, match="or twice"):
        _table.Table(TableSpec(generation=1, services=(service("one", []), service("one", [])), routes=()))
    assert base.find("one", b"t2") == ("b2", "task")


def test_turns_go_on_in_a_service_that_changed() -> None:
    """Smooth weighted turns: what is owed to a backend is not forgotten because another came."""
    members = [backend(0, 5), backend(1, 1), backend(2, 1)]
    base = _table.Table(TableSpec(generation=7, services=(service("one", members),), routes=()))
    assert [base.choose("one") for _ in range(3)] == ["b0", "b0", "b1"]
    builder = begun(base, 3, 0)
    list(builder.backends([(0, 3, [])]))
    list(builder.finish())
    assert [builder.table.choose("one") for _ in range(4)] == ["b0", "b2", "b0", "b0"]


def test_no_step_is_long() -> None:
    """A bound on what is done between two steps: of thousands of backends, values and rules."""
    members = [backend(number) for number in range(3000)]
    lookup = [(f"t{number}", number, "task") for number in range(3000)]
    rules = [
        Route(name=f"r{i}", rule="", service="one", priority=i, alternatives=((Matcher("host", (f"h{i}",)),),))
        for i in range(600)
    ]
    builder = _table.TableBuilder(1)
    steps = sum(
        1
        for _ in builder.whole(
            TableSpec(generation=1, services=(service("one", members, lookup),), routes=tuple(rules))
        )
    )
    assert steps > 2 * 3000 / 16
    assert sum(1 for _ in builder.finish()) > 3 * 600 / 16
    again = begun(builder.table, 3000, 3000)
    assert sum(1 for _ in again.backends([(0, 3000, [])])) > 3000 / 1024 + 8192 / 1024
