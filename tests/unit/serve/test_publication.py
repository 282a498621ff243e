"""What is sent is what changed, and what a worker makes of it is the table."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faststicky.core import Table, TableBuilder
from faststicky.model import BackendSpec, CookiePolicy, Matcher, Outcome, Route, ServiceSpec, TableSpec
from faststicky.serve import publication
from faststicky.serve.channel import (
    BackendsPiece,
    BeginTable,
    EndTable,
    NamesPiece,
    NoTable,
    RoutesPiece,
    ServicePiece,
    ToWorker,
    encode,
)
from faststicky.serve.publication import Publication, lines_of, messages

checked = settings(max_examples=200, derandomize=True, database=None)


def backend(ident: str, **more: Any) -> BackendSpec:
    fields = {"name": ident, "host": "10.0.0.5", "port": 80, "weight": 1, "state": "up", "cookie_value": f"t{ident}"}
    return BackendSpec(id=ident, **{**fields, **more})


def service(name: str, *backends: BackendSpec, lookup: Any = None, **more: Any) -> ServiceSpec:
    if lookup is None:
        lookup = [(f"t{each.id}", at, "task") for at, each in enumerate(backends)]
    cookie = CookiePolicy(name="s")
    return ServiceSpec(name=name, backends=backends, lookup=tuple(lookup), cookie=cookie, pass_host_header=True, **more)


def route(name: str, to: str) -> Route:
    return Route(
        name=name,
        rule="",
        service=to,
        priority=1,
        alternatives=((Matcher("host", (name,)),), (Matcher("path", ("/",)),)),
    )


def table(generation: int, *services: ServiceSpec, routes: tuple[Route, ...] = ()) -> TableSpec:
    return TableSpec(generation=generation, services=services, routes=routes)


def built(pieces: list[ToWorker], base: Table | None = None) -> Table:
    """What a worker makes of them."""
    begin, *rest = pieces
    assert isinstance(begin, BeginTable)
    assert isinstance(rest.pop(), EndTable)
    builder = TableBuilder(begin.generation, base)
    for piece in rest:
        match piece:
            case ServicePiece():
                list(builder.service(piece.service, piece.backends, piece.values))
            case BackendsPiece():
                list(builder.backends(piece.segments))
            case NamesPiece():
                builder.names(list(piece.names))
            case RoutesPiece():
                builder.routes(list(piece.routes))
    list(builder.finish())
    return builder.table


def kinds(pieces: list[ToWorker]) -> list[str]:
    return [type(piece).__name__.removesuffix("Piece").removesuffix("Table") for piece in pieces]


# ------------------------------------------------------------ what is sent


def test_a_worker_without_anything_gets_everything():
    first = table(1, service("web", backend("a")), routes=(route("a", "web"),))
    pieces = list(messages(None, first))
    assert kinds(pieces) == ["Begin", "Service", "Backends", "Names", "Routes", "End"]
    assert pieces[0] == BeginTable(generation=1, base=None)
    assert list(messages(None, None)) == [NoTable()]


def test_of_services_those_that_changed():
    one, two = service("one", backend("a"), backend("b")), service("two", backend("a"))
    routes = (route("a", "one"),)
    before = table(1, one, two, routes=routes)
    assert kinds(list(messages(before, table(2, one, msgspec.structs.replace(two), routes=routes)))) == ["Begin", "End"]
    changed = service("one", backend("a"), backend("c"), backend("b"), backend("d"))
    pieces = list(messages(before, table(2, changed, two, routes=routes)))
    assert kinds(pieces) == ["Begin", "Service", "Backends", "End"]
    assert isinstance(pieces[1], ServicePiece)
    assert (pieces[1].service.backends, pieces[1].service.lookup, pieces[1].backends) == ((), (), 4)
    assert isinstance(pieces[2], BackendsPiece)
    assert [(first, count, [each.backend.id for each in lines]) for first, count, lines in pieces[2].segments] == [
        (0, 1, ["c"]),
        (1, 1, ["d"]),
    ]


def test_an_option_of_a_service_costs_none_of_its_backends():
    one = service("one", *(backend(str(i)) for i in range(300)))
    pieces = list(messages(table(1, one), table(2, msgspec.structs.replace(one, hold=3.0))))
    assert isinstance(pieces[2], BackendsPiece)
    assert pieces[2].segments == [(0, 300, [])]


def test_names_and_routes_when_either_changed():
    one, two = service("one"), service("two")
    before = table(1, one, two, routes=(route("a", "one"),))
    for after in (table(2, two, one, routes=before.routes), table(2, one, two), table(2, one, routes=before.routes)):
        assert kinds(list(messages(before, after))) == ["Begin", "Names", "Routes", "End"]


def test_a_backend_that_no_longer_holds_its_slot_is_sent_anew():
    old, new = backend("old"), backend("new")
    before = service("web", old, lookup=[("t0", 0, "task"), ("slot", 0, "slot")])
    after = service("web", old, new, lookup=[("t0", 0, "task"), ("t1", 1, "task"), ("slot", 1, "slot")])
    pieces = list(messages(table(1, before), table(2, after)))
    assert isinstance(pieces[2], BackendsPiece)
    assert [line.backend.id for _, _, lines in pieces[2].segments for line in lines] == ["old", "new"]


def test_no_message_is_long():
    everything = service("web", *(backend(f"{i}") for i in range(1000)))
    every_other = service("web", *(backend(f"{i}" if i % 2 else f"n{i}") for i in range(1000)))
    names = [service(f"s{i}") for i in range(2000)]
    routes = tuple(route(f"h{i}", "s0") for i in range(200))
    for before, after in (
        (None, table(1, everything)),
        (table(1, everything), table(2, every_other)),
        (None, table(1, *names, routes=routes)),
    ):
        for piece in messages(before, after):
            assert len(encode(piece)) < 32_768
            if isinstance(piece, BackendsPiece):
                assert len(piece.segments) <= publication.LINES
                assert sum(len(lines) for _, _, lines in piece.segments) <= publication.LINES


def test_of_equal_values_the_first_counts():
    lines = lines_of(service("web", backend("a"), backend("b"), lookup=[("x", 1, "foreign"), ("x", 0, "foreign")]))
    assert [line.values for line in lines] == [(), (("x", "foreign"),)]


def test_it_is_encoded_once_for_each_base():
    one, two, three = (Publication(table(number, service("web", backend("a")))) for number in (1, 2, 3))
    assert three.frames(two) is three.frames(two)
    assert three.frames(one) == [encode(piece) for piece in messages(one.table, three.table)]
    assert three.frames(None) == [encode(piece) for piece in messages(None, three.table)]
    kept = three.frames(None)
    three.forget()
    assert three.frames(None) is not kept
    assert (three.generation, Publication(None).generation) == (3, 0)
    assert Publication(None).frames(None) == [encode(NoTable())]


# ------------------------------------------------------------ what comes of it

OUTCOMES: tuple[Outcome, ...] = ("task", "slot", "foreign", "previous")
VALUES = [f"v{i}" for i in range(8)]


@st.composite
def services(draw: st.DrawFn, name: str) -> ServiceSpec:
    idents = draw(st.lists(st.sampled_from("abcdefgh"), max_size=6))  # also one twice
    members = [
        backend(ident, weight=draw(st.integers(1, 2)), state=draw(st.sampled_from(["up", "up", "down"])))
        for ident in idents
    ]
    entry = st.tuples(st.sampled_from(VALUES), st.integers(0, max(0, len(members) - 1)), st.sampled_from(OUTCOMES))
    lookup = draw(st.lists(entry, max_size=8)) if members else []
    return service(name, *members, lookup=lookup)


@st.composite
def tables(draw: st.DrawFn) -> list[TableSpec]:
    """Some in a row; services come, go, change places, and are often the same."""
    known = {name: draw(services(name)) for name in ("one", "two", "three")}
    found = []
    for generation in range(1, 5):
        for name in draw(st.sets(st.sampled_from(sorted(known)), max_size=2)):
            known[name] = draw(services(name))
        names = draw(st.lists(st.sampled_from(sorted(known)), min_size=1, unique=True))
        routes = tuple(route(f"h{i}", draw(st.sampled_from(names))) for i in range(draw(st.integers(0, 2))))
        found.append(table(generation, *(known[name] for name in names), routes=routes))
    return found


@checked
@given(tables())
def test_a_table_made_of_the_one_before_is_the_table(given_tables: list[TableSpec]) -> None:
    made: Table | None = None
    before: TableSpec | None = None
    for spec in given_tables:
        made = built(list(messages(before, spec)), made)
        same_as(made, Table(spec), spec)
        before = spec


def same_as(made: Table, whole: Table, spec: TableSpec) -> None:
    assert made.generation == whole.generation
    for host, path in itertools.product((b"h0", b"h1", b"x"), (b"/", b"/a")):
        assert made.route(host, path) == whole.route(host, path)
    for each in spec.services:
        for value in VALUES:
            for asked in (value, f"x.{value}", f"{value}.x"):
                assert made.find(each.name, asked.encode()) == whole.find(each.name, asked.encode())
        chosen = [{found.choose(each.name) for _ in range(40)} for found in (made, whole)]
        assert chosen[0] == chosen[1]


@pytest.mark.parametrize("size", [1, 1023, 1025, 3000])
def test_large_services_lose_nothing(size: int) -> None:
    """More than is copied in one step, with backends that move, go and come."""
    before = service("web", *(backend(f"{i}") for i in range(size)))
    members = [each for at, each in enumerate(before.backends) if at % 3] + [backend(f"n{i}") for i in range(5)]
    after = service("web", *members[::-1][:2], *members[:-2])
    first = built(list(messages(None, table(1, before))))
    second = built(list(messages(table(1, before), table(2, after))), first)
    for each in after.backends:
        assert second.find("web", f"t{each.id}".encode()) == (each.id, "task")
    assert second.find("web", b"t0") is None
    assert first.find("web", b"t0") == ("0", "task")
    assert {second.choose("web") for _ in range(len(after.backends))} == {each.id for each in after.backends}
