from __future__ import annotations

import msgspec

from faststicky.model import BackendSpec, ServiceSpec, TableSpec
from faststicky.serve.series import REST, Ledger, SeriesBook


def backend(ident: str, **more: object) -> BackendSpec:
    fields = {"name": f"web.{ident}", "host": "10.0.0.5", "port": 80, "weight": 1, "state": "up", "cookie_value": ident}
    return BackendSpec(id=ident, **{**fields, **more})  # type: ignore[arg-type]


def service(name: str, *backends: BackendSpec) -> ServiceSpec:
    return ServiceSpec(name=name, backends=backends, lookup=(), cookie=None, pass_host_header=True)


def table(*services: ServiceSpec) -> TableSpec:
    return TableSpec(generation=1, services=services, routes=())


def test_an_owner_keeps_its_number():
    ledger = Ledger(10, lambda _number: None)
    assert ledger.assign(["a", "b"]) == {"a": 1, "b": 2}
    assert ledger.assign(["b", "c"]) == {"b": 2, "c": 3}
    assert ledger.known == {"a": 1, "b": 2, "c": 3}
    assert ledger.assign(["c", "b", "a"]) == {"a": 1, "b": 2, "c": 3}  # it came back


def test_a_number_rests_and_is_cleared_before_its_next_owner():
    now, cleared = [0.0], []
    ledger = Ledger(10, cleared.append, lambda: now[0])
    ledger.assign(["a", "b"])
    ledger.assign(["b"])
    now[0] = REST - 1
    assert ledger.assign(["b", "c"])["c"] == 3
    assert cleared == []
    now[0] = REST
    assert ledger.assign(["b", "c", "d"])["d"] == 1
    assert cleared == [1]
    assert "a" not in ledger.known


def test_those_beyond_the_last_number_are_not_counted_on_their_own():
    ledger = Ledger(3, lambda _number: None)
    assert ledger.assign(["a", "b", "c"]) == {"a": 1, "b": 2, "c": 0}
    assert ledger.assign(["a", "b", "c"])["c"] == 0


def test_some_leave_and_some_come():
    now, cleared = [0.0], []
    ledger = Ledger(4, cleared.append, lambda: now[0])
    assert ledger.change([], ["a", "b", "c"]) == []
    assert ledger.change(["a", "unknown"], ["b", "d"]) == []
    assert ledger.held == {"b": 2, "c": 3}  # there was no number for d
    now[0] = REST
    assert ledger.change([], ["d"]) == ["a"]
    assert ledger.held == {"b": 2, "c": 3, "d": 1}
    assert cleared == [1]


def test_names_are_kept_as_long_as_numbers():
    now = [0.0]
    book = SeriesBook(lambda _number: None, lambda _number: None, lambda: now[0])
    book.number(table(service("one", backend("a"), backend("b")), service("two", backend("c"))))
    book.number(table(service("one", backend("b"))))
    assert set(book.names) == {("one", "a"), ("one", "b"), ("two", "c")}
    now[0] = REST
    book.number(table(service("one", backend("b"), backend("d"))))
    assert set(book.names) == {("one", "b"), ("two", "c"), ("one", "d")}
    book.number(table(service("one", backend("b"), backend("d"), backend("e"))))
    assert set(book.names) == {("one", "b"), ("one", "d"), ("one", "e")}


def test_a_table_gets_its_numbers_and_what_did_not_change_is_not_copied():
    book = SeriesBook(lambda _number: None, lambda _number: None)
    one, two = service("one", backend("a"), backend("b")), service("two", backend("a"))
    first = book.number(table(one, two))
    assert [each.series for each in first.services] == [1, 2]
    assert [each.series for each in first.services[0].backends] == [1, 2]
    assert first.services[1].backends[0].series == 3  # of another service
    changed = service("two", backend("a", state="draining"), backend("c"))
    second = book.number(table(msgspec.structs.replace(one), changed))
    assert second.services[0] is first.services[0]
    assert [(each.series, each.state) for each in second.services[1].backends] == [(3, "draining"), (4, "up")]
    assert book.names["two", "c"] == "web.c"
    book.number(table(one))
    assert ("two", "c") in book.names  # its last numbers have to be told
