"""The shapes: immutable, the same after a journey over the wire, and compared by what they serve."""

from __future__ import annotations

import msgspec
import pytest

from faststicky.model import Backend, CookiePolicy, Matcher, Route, Service, Snapshot, Warning

BACKEND = Backend(id="t1", name="web.1@n1", host="10.0.1.5", port=8000, slot="s/1", foreign=("http://10.0.1.5:8000",))
SERVICE = Service(name="web", backends=(BACKEND,), cookie=CookiePolicy(name="_a49bc"))
ROUTE = Route(
    name="r", rule="PathPrefix:/", service="web", priority=12, alternatives=((Matcher("path_prefix", ("/",)),),)
)
SNAPSHOT = Snapshot(services=(SERVICE,), routes=(ROUTE,), source="flags", cluster_id="c")


def test_a_snapshot_is_the_same_after_a_journey():
    for codec in (msgspec.json, msgspec.msgpack):
        assert codec.decode(codec.encode(SNAPSHOT), type=Snapshot) == SNAPSHOT


def test_a_snapshot_cannot_be_changed():
    with pytest.raises(AttributeError):
        SNAPSHOT.source = "other"  # type: ignore[misc]


def test_warnings_and_source_do_not_make_a_new_table():
    warned = Warning(service="web", label="faststicky.prot", value="1", text="no such label")
    assert SNAPSHOT.same_as(msgspec.structs.replace(SNAPSHOT, source="file x", warnings=(warned,)))


@pytest.mark.parametrize(
    "change",
    [
        {"services": ()},
        {"routes": ()},
        {"cluster_id": "other"},  # the cookie key is derived from it
        {"services": (msgspec.structs.replace(SERVICE, backends=(msgspec.structs.replace(BACKEND, state="down"),)),)},
        {"services": (msgspec.structs.replace(SERVICE, cookie=None),)},
    ],
)
def test_what_serves_differently_makes_a_new_table(change: dict[str, object]):
    assert not msgspec.structs.replace(SNAPSHOT, **change).same_as(SNAPSHOT)


def test_there_is_nothing_like_the_first_snapshot():
    assert not SNAPSHOT.same_as(None)
