"""Many connections to a backend at once: a bounded number is opened, others wait for one of them or for what becomes free."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from faststicky.core import dial
from relay.failing import keep_one, stuck
from relay.lab import GET, POST, Backend, Lab, Proxy, get, ok, service, table
from relay.peer import Peer, until
from relay.threaded import Threaded

MOST = 64  # upstream.pxi


def many(proxy: Proxy, count: int) -> list[Peer]:
    """Clients whose requests tell who they are: /0, /1, ..."""
    clients = [proxy.client() for _ in range(count)]
    for number, client in enumerate(clients):
        client.send(stuck(get(b"/%d" % number)))
        proxy.becomes(exchanges=number + 2)
    return clients


def full(lab: Lab, count: int) -> tuple[Proxy, Peer, Peer, list[Peer]]:
    """One request is under way, and `count` others begin when the backend accepts no more: proxy, client, its peer, the others."""
    backend = lab.backend("b0")
    proxy = lab.proxy(backend, connect_timeout=600.0, silence_timeout=0)
    first = proxy.client()
    peer = keep_one(proxy, first, backend)
    first.send(stuck())
    peer.request()
    backend.hang()
    others = many(proxy, count)
    proxy.becomes(connecting=MOST, exchanges=count + 1)
    return proxy, first, peer, others


def test_what_becomes_free_goes_to_whoever_waits(lab: Lab) -> None:
    _, first, peer, others = full(lab, MOST + 3)
    peer.send(ok(b"first"))
    assert first.answer().body == b"first"
    for number in (MOST, MOST + 1, MOST + 2):  # in their order; those before them have a connection on its way
        assert peer.request().start == b"GET /%d HTTP/1.1" % number
        peer.send(ok(b"%d" % number))
        assert others[number].answer().body == b"%d" % number


def test_whoever_leaves_waits_no_more(lab: Lab) -> None:
    proxy, first, peer, others = full(lab, MOST + 2)
    others[MOST].close()
    proxy.becomes(clients=MOST + 2)
    peer.send(ok(b"first"))
    assert first.answer().body == b"first"
    assert peer.request().start == b"GET /%d HTTP/1.1" % (MOST + 1)
    peer.send(ok(b"last"))
    assert others[-1].answer().body == b"last"


def test_a_relay_that_is_closed_meanwhile_leaves_nothing(lab: Lab) -> None:
    proxy, _, _, _ = full(lab, MOST + 2)
    lab.call(proxy.relay.close)
    proxy.becomes(exchanges=0, connecting=0)


def test_a_time_out_is_one_for_all_who_wait(lab: Lab) -> None:
    """They go elsewhere, and not one after the other."""
    hanging, other = lab.backend("b0"), lab.backend("b1", backlog=512)
    proxy = lab.proxy(hanging, other, connect_timeout=1.0)
    hanging.hang()
    clients = [proxy.client() for _ in range(3 * MOST)]
    server = Threaded(other)
    for client in clients:
        client.send(stuck())
    assert [client.answer().body for client in clients] == [b"/ "] * len(clients)
    assert proxy.counters()["connect_errors"] == MOST
    for client in clients:
        client.close()
    lab.call(proxy.relay.close)
    server.stop()


def test_when_nobody_listens_the_next_ones_are_tried(lab: Lab) -> None:
    """A refusal is one for each; every one is answered."""
    backend: Backend = lab.backend("b0")
    proxy = lab.proxy(backend)
    backend.refuse()
    clients = [proxy.client() for _ in range(2 * MOST)]
    for client in clients:
        client.send(GET)
    assert {client.answer().status for client in clients} == {502}


# ------------------------------------------------------------ errors that are not the system's


def test_a_backend_whose_name_cannot_be_one_sends_the_request_elsewhere(lab: Lab) -> None:
    """It is not the system that says so (OSError) but Python's codec."""
    first, second = lab.backend("b0"), lab.backend("b1")
    names = [msgspec.structs.replace(first.spec(), host=host) for host in ("a..b", "a" * 64)]
    proxy = lab.proxy(table(service([names[0], second])))
    client = proxy.client()
    client.send(stuck(POST))
    peer = second.accept()
    assert peer.request().body == b"hello"
    peer.send(ok())
    assert client.answer().status == 200
    assert "idna" in str(proxy.reasons("connect-failed")[0])
    proxy.publish(table(service([names[1]]), generation=2))
    client.send(GET)
    assert client.answer().status == 502
    proxy.becomes(connecting=0, exchanges=0)


def test_a_trial_that_fails_by_whatever_error_is_not_the_last(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ejected backend for which no trial is under way, nor planned, would never come back."""
    connect = dial.dial
    tries: list[bool] = []
    well: list[bool] = []

    async def dialed(*arguments: Any) -> Any:
        tries.append(bool(well))
        if not well:
            raise UnicodeError("no name")
        return await connect(*arguments)

    monkeypatch.setattr(dial, "dial", dialed)
    backend = lab.backend("b0")
    proxy = lab.proxy(backend, eject_after=1, eject_time=0.1, retries=0)
    client = proxy.client()
    client.send(GET)
    assert client.answer().status == 502
    until(lambda: len(tries) > 2, "a second trial")
    well.append(True)
    until(lambda: any(event["event"] == "restored" for event in proxy.events), "its return")
    client.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
