from __future__ import annotations

import msgspec
import pytest

from faststicky.discovery import feed_wire
from faststicky.discovery.feed_wire import FeedKey, authorization, decode, encode, read_authorization, same
from faststicky.model import HealthCheck
from unit.control.worlds import backend, service, snapshot

KEY = FeedKey(b"k" * 32)
WORLD = snapshot(msgspec.structs.replace(service(backend("a", state="leaving")), health=HealthCheck(path="/")))


def test_what_is_told():
    told = decode(encode(WORLD))
    assert told.services[0].backends == WORLD.services[0].backends
    assert told.routes == WORLD.routes
    assert told.services[0].health is None
    assert (told.cluster_id, told.local_node) == ("", "")
    assert b"c1" not in encode(WORLD)


def test_equal_worlds_have_equal_digests():
    assert feed_wire.digest(encode(WORLD)) == feed_wire.digest(encode(msgspec.structs.replace(WORLD)))
    assert feed_wire.digest(encode(WORLD)) != feed_wire.digest(encode(snapshot()))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"version":2,"snapshot":{}}', "version 2 of the feed, not 1"),
        (b'{"version":1,"snapshot":{}}', "not understood"),
        (b'{"version":1}', "not understood"),
        (b"[]", "not understood"),
        (b"", "not understood"),
        (b"[" * 100_000, "not understood"),
    ],
)
def test_what_is_not_understood(body, says):
    with pytest.raises(ValueError, match=says):
        decode(body)


def test_macs_depend_on_everything():
    macs = {
        KEY.of_request("c", "n", "a"), KEY.of_request("x", "n", "a"), KEY.of_request("c", "x", "a"),
        KEY.of_request("c", "n", "x"), KEY.of_request("cn", "", "a"), FeedKey(b"x").of_request("c", "n", "a"),
        KEY.of_answer("n", 200, "c", b"b"), KEY.of_answer("x", 200, "c", b"b"), KEY.of_answer("n", 204, "c", b"b"),
        KEY.of_answer("n", 200, "x", b"b"), KEY.of_answer("n", 200, "c", b"x"),
    }  # fmt: skip
    assert len(macs) == 11
    assert KEY.ident != FeedKey(b"x").ident
    assert same("a", "a")
    assert not same("a", "b")
    assert not same("a", "ä")


def test_the_field():
    value = authorization(KEY, "1.5:ab", "cd", "ef")
    said = read_authorization(value)
    assert said == {
        "key": KEY.ident,
        "challenge": "1.5:ab",
        "nonce": "cd",
        "mac": KEY.of_request("1.5:ab", "cd", "ef"),
    }
    for wrong in ("", "Faststicky", "Basic a=b", value.replace("Faststicky", "Basic"), value.replace("mac=", "mac:")):
        assert read_authorization(wrong) == {}
