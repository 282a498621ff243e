"""Many connections to a backend at once: a bounded number is opened, others wait for one of them or for what becomes free."""

from __future__ import annotations

from relay.failing import keep_one, stuck
from relay.lab import GET, Backend, Lab, Proxy, get, ok
from relay.peer import Peer
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
