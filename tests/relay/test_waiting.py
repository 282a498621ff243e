"""Requests that wait for a backend (hold) or for their turn at a full one, and backends that are ejected."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from faststicky.model import TableSpec
from relay.failing import stuck
from relay.lab import GET, POST, Backend, Lab, Proxy, get, ok, route, service, table
from relay.peer import Peer, until


def one_service(*backends: Backend, generation: int = 1, **options: Any) -> TableSpec:
    """A table of one sticky service with these options."""
    return table(msgspec.structs.replace(service(backends), **options), generation=generation)


def serve(backend: Backend, body: bytes = b"ok") -> Peer:
    """Accept a connection and answer its first request."""
    peer = backend.accept()
    peer.until(b"\r\n\r\n")
    peer.send(ok(body))
    return peer


# ------------------------------------------------------------ hold


def test_a_request_waits_until_its_service_has_a_backend(lab: Lab) -> None:
    backend = lab.backend()
    proxy = lab.proxy(one_service(hold=30.0))
    clients = [proxy.client() for _ in range(3)]
    for client, request in zip(clients, (GET, POST, GET), strict=True):
        client.send(request)
    proxy.becomes(parked=3)
    proxy.publish(one_service(backend, generation=2, hold=30.0))
    for _ in clients:
        peer = backend.accept()
        head = peer.until(b"\r\n\r\n")
        if head.startswith(b"POST"):
            assert peer.exactly(5) == b"hello"
        peer.send(ok())
    assert [client.answer().status for client in clients] == [200, 200, 200]
    proxy.becomes(parked=0)


def test_the_wait_has_an_end(lab: Lab) -> None:
    client = lab.proxy(one_service(hold=0.3)).client()
    client.send(GET)
    answer = client.answer()
    assert (answer.status, answer.get(b"Retry-After")) == (503, b"1")


def test_without_hold_nobody_waits(lab: Lab) -> None:
    proxy = lab.proxy(one_service())
    client = proxy.client()
    client.send(GET)
    assert client.answer().status == 503
    assert proxy.live()["parked"] == 0
    client.send(GET)  # and the connection is still good
    assert client.answer().status == 503


def test_the_option_holds_where_the_service_says_nothing(lab: Lab) -> None:
    proxy = lab.proxy(one_service(), hold=30.0)
    client = proxy.client()
    client.send(GET)
    proxy.becomes(parked=1)
    client.close()  # who has left waits no longer
    proxy.becomes(parked=0, exchanges=0)


def test_a_single_backend_that_refuses_is_waited_for(lab: Lab) -> None:
    """The gap of a stop-first update: the old task is gone, the new one not yet there."""
    old, new = lab.backend("old"), lab.backend("new")
    proxy = lab.proxy(one_service(old, hold=30.0))
    old.refuse()
    client = proxy.client()
    client.send(POST)
    proxy.becomes(parked=1)
    proxy.publish(one_service(new, generation=2, hold=30.0))
    peer = new.accept()
    assert peer.until(b"hello").endswith(b"hello")
    peer.send(ok())
    assert client.answer().status == 200


def test_a_service_that_goes_while_somebody_waits(lab: Lab) -> None:
    proxy = lab.proxy(one_service(hold=30.0))
    client = proxy.client()
    client.send(GET)
    proxy.becomes(parked=1)
    proxy.publish(table(service([], name="other"), generation=2))
    assert client.answer().status == 503


# ------------------------------------------------------------ queues


def full(lab: Lab, eject_after: int = 0, retries: int = 2, **options: Any) -> tuple[Proxy, Backend, Peer, Peer]:
    """A backend that takes one request at once, and has it: (proxy, backend, its client, the backend's end)."""
    backend = lab.backend()
    defaults = {"max_concurrent": 1, "max_queued": 2, "queue_timeout": 30.0}
    proxy = lab.proxy(one_service(backend, **{**defaults, **options}), eject_after=eject_after, retries=retries)
    client = proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.until(b"\r\n\r\n")
    return proxy, backend, client, peer


def test_requests_wait_for_their_turn_in_order(lab: Lab) -> None:
    proxy, backend, first, peer = full(lab)
    others = [proxy.client(), proxy.client()]
    for at, client in enumerate(others):
        client.send(b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" % at)
        proxy.becomes(exchanges=2 + at)
    peer.send(ok(b"first"))
    assert first.answer().body == b"first"
    for at, client in enumerate(others):
        assert peer.until(b"hello").startswith(b"POST /%d " % at)
        assert client.is_silent()
        peer.send(ok(b"%d" % at))
        assert client.answer().body == b"%d" % at
    assert backend.is_left_alone()  # one connection was enough


def test_a_full_queue_and_a_long_wait_are_503(lab: Lab) -> None:
    proxy, _, _, _ = full(lab, max_queued=1, queue_timeout=1.5)
    waiting, late = proxy.client(), proxy.client()
    waiting.send(GET)
    proxy.becomes(exchanges=2)
    late.send(GET)
    assert late.answer().status == 503
    assert waiting.answer().status == 503
    assert proxy.reasons("answered", 2) == ["queue-full", "queue-timeout"]


def test_who_leaves_the_queue_costs_nobody_a_turn(lab: Lab) -> None:
    proxy, _, first, peer = full(lab)
    gone, patient = proxy.client(), proxy.client()
    gone.send(GET)
    proxy.becomes(exchanges=2)
    patient.send(b"GET /patient HTTP/1.1\r\nHost: a\r\n\r\n")
    proxy.becomes(exchanges=3)
    gone.close()
    proxy.becomes(exchanges=2)
    peer.send(ok())
    assert first.answer().status == 200
    assert peer.until(b"\r\n\r\n").startswith(b"GET /patient ")
    peer.send(ok())
    assert patient.answer().status == 200


@pytest.mark.parametrize("end", ["removed", "down", "ejected"])
def test_who_waits_for_a_backend_that_goes_is_moved(lab: Lab, end: str) -> None:
    one, two = lab.backend("b0"), lab.backend("b1")
    options: dict[str, Any] = {"max_concurrent": 1, "max_queued": 9, "queue_timeout": 600.0}
    proxy = lab.proxy(one_service(one, two, **options), eject_after=1, eject_time=600.0, retries=0)
    first = proxy.client()
    first.send(stuck(POST))
    peer = one.accept()
    peer.until(b"hello")
    waiting = [proxy.client(), proxy.client()]
    for at, client in enumerate(waiting):
        client.send(stuck(get(b"/%d" % at)))
        proxy.becomes(exchanges=2 + at)
    if end == "removed":
        proxy.publish(one_service(two, generation=2, **options))
    elif end == "down":
        services = service([one.spec("down"), two.spec()])
        proxy.publish(table(msgspec.structs.replace(services, **options), generation=2))
    else:
        peer.reset()
        assert first.answer().status == 502
    other = two.accept()
    for at, client in enumerate(waiting):
        assert other.until(b"\r\n\r\n").startswith(b"GET /%d " % at)
        other.send(ok(b"%d" % at))
        answer = client.answer()
        assert (answer.body, answer.all(b"Set-Cookie")[0][:9]) == (b"%d" % at, b"s=tb1.sb1")
    if end != "ejected":  # what is under way is not moved
        peer.send(ok(b"first"))
        assert first.answer().body == b"first"
    assert one.is_left_alone()


def test_who_waits_stays_if_everybody_goes(lab: Lab) -> None:
    """All are ejected: the fault is rather on our side."""
    proxy, backend, first, peer = full(lab, eject_after=1, retries=0)
    patient = proxy.client()
    patient.send(GET)
    proxy.becomes(exchanges=2)
    peer.reset()
    assert first.answer().status == 502
    serve(backend)
    assert patient.answer().status == 200


def test_a_relay_that_is_closed_sends_nothing_more(lab: Lab) -> None:
    proxy, backend, _, _ = full(lab)
    for waiting in range(2):
        proxy.client().send(GET)
        proxy.becomes(exchanges=2 + waiting)
    lab.call(proxy.relay.close)
    proxy.becomes(exchanges=0, clients=0)
    assert backend.is_left_alone()


def test_a_service_that_allows_less_does_not_hold_up_the_others(lab: Lab) -> None:
    backend = lab.backend()
    services = [
        msgspec.structs.replace(service([backend], name=name), max_concurrent=most, max_queued=9, queue_timeout=600.0)
        for name, most in (("one", 1), ("two", 2))
    ]
    routes = [route("one", 2, ("path_prefix", "/one")), route("two", 1, ("path_prefix", "/"))]
    proxy = lab.proxy(table(*services, routes=routes))
    clients, peers = [], []
    for target in (b"/one/first", b"/two/first", b"/one/second", b"/two/second"):
        client = proxy.client()
        client.send(get(target))
        clients.append(client)
        if target.endswith(b"first"):
            peers.append(backend.accept())
            peers[-1].request()
        proxy.becomes(exchanges=len(clients))
    for at, expected in ((1, b"/two/second"), (0, None), (1, b"/one/second")):
        peers[at].send(ok())
        if expected:
            assert peers[at].request().start == b"GET %b HTTP/1.1" % expected
    peers[1].send(ok())
    assert [client.answer().status for client in clients] == [200, 200, 200, 200]


def test_new_sessions_pass_over_a_full_backend(lab: Lab) -> None:
    one, two = lab.backend(), lab.backend()
    proxy = lab.proxy(one_service(one, two, max_concurrent=1, max_queued=9, queue_timeout=30.0))
    clients = [proxy.client(), proxy.client()]
    for client in clients:
        client.send(GET)
    for backend in (one, two):
        serve(backend)
    assert [client.answer().status for client in clients] == [200, 200]


def test_least_goes_where_the_fewest_are(lab: Lab) -> None:
    one, two = lab.backend(), lab.backend()
    proxy = lab.proxy(one_service(one, two, balance="least"))
    busy = proxy.client()
    busy.send(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: s=tb0.sb0\r\n\r\n")
    one.accept()
    for _ in range(4):
        client = proxy.client()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        peer = two.peers[-1] if two.peers else two.accept()
        peer.until(b"\r\n\r\n")
        peer.send(ok())
        assert client.answer().status == 200
    assert one.is_left_alone()


# ------------------------------------------------------------ ejection


def test_a_backend_that_refuses_is_ejected_and_comes_back(lab: Lab) -> None:
    bad, good = lab.backend("bad"), lab.backend("good")
    proxy = lab.proxy(bad, good, eject_after=2, eject_time=0.3)
    bad.refuse()
    stuck = b"POST / HTTP/1.1\r\nHost: a\r\nCookie: s=tbad.sbad\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
    peer = None
    for _ in range(4):
        client = proxy.client()
        client.send(stuck)
        peer = peer or good.accept()
        peer.until(b"hello")
        peer.send(ok())
        answer = client.answer()
        assert answer.status == 200
        assert answer.get(b"Set-Cookie").startswith(b"s=tgood.sgood;")  # moved, once and for all
    counters = proxy.counters()
    assert counters["connect_errors"] == 2  # two tries, then it was left alone
    assert (counters["sticky_moved_failed"], counters["sticky_moved_ejected"], counters["sticky_hit"]) == (2, 2, 0)
    assert counters["ejections"] == 1
    bad.listen_again()
    until(lambda: any(event["event"] == "restored" for event in proxy.events), "the trial", 10)
    trial = bad.accept()  # the trial's connection is kept for use
    client = proxy.client()
    client.send(stuck)
    trial.until(b"hello")
    trial.send(ok(b"back"))
    assert client.answer().body == b"back"


def test_when_everybody_is_ejected_nobody_is(lab: Lab) -> None:
    """The fault is rather on our side: stickiness and tries go on."""
    only = lab.backend()
    proxy = lab.proxy(only, eject_after=1, eject_time=30.0)
    only.refuse()
    client = proxy.client()
    client.send(GET)
    assert client.answer().status == 502
    only.listen_again()
    client.send(GET)
    serve(only)
    assert client.answer().status == 200


def test_answers_of_any_status_are_no_failures(lab: Lab) -> None:
    backend = lab.backend()
    proxy = lab.proxy(backend, eject_after=1)
    client = proxy.client()
    peer = None
    for _ in range(3):
        client.send(GET)
        peer = peer or backend.accept()
        peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
        assert client.answer().status == 500
    assert proxy.counters()["ejections"] == 0
