"""Requests that are sent again, and those that are not (RFC 9110, 9.2.2; RFC 9112, 9.3.1)."""

from __future__ import annotations

import time

import pytest

from relay.failing import CHUNKED, keep_one, pair, stuck
from relay.lab import GET, POST, Lab, get, ok

BEGINNINGS = {
    "of the status line": b"HTTP/1.1 20",
    "of a head": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
}
GARBAGE = {
    "no HTTP": b"hello\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 2000 OK\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
    "obs-fold": b"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
    "space before a colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "two framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two Content-Lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "an unknown coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300,
    "an endless line": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000,
    "an unwanted upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}


# ---------------------------------------------------------------- before the connection


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
def test_a_refused_connection_sends_any_request_elsewhere_and_the_user_with_it(lab: Lab, request_: bytes) -> None:
    proxy, client, first, second = pair(lab)
    first.refuse()
    client.send(stuck(request_))
    peer = second.accept()
    assert peer.request().body == request_.partition(b"\r\n\r\n")[2]
    peer.send(ok())
    answer = client.answer()
    assert answer.get(b"Set-Cookie") == b"s=tb1.sb1; Path=/; HttpOnly; SameSite=Lax"
    counters = proxy.counters()
    assert (counters["retries"], counters["connect_errors"]) == (1, 1)


def test_a_connection_that_takes_too_long_sends_the_request_elsewhere(lab: Lab) -> None:
    _, client, first, second = pair(lab, connect_timeout=2.0)
    first.hang()
    client.send(stuck(POST))
    peer = second.accept()
    assert peer.request().body == b"hello"
    peer.send(ok())
    assert client.answer().status == 200


def test_others_are_waited_for_half_as_long(lab: Lab) -> None:
    """Three backends of a node that is gone: twice the time-out, not three times."""
    backends = [lab.backend() for _ in range(3)]
    proxy = lab.proxy(*backends, connect_timeout=3.0, silence_timeout=0.0)
    for backend in backends:
        backend.hang()
    client = proxy.client()
    client.send(GET)
    begun = time.monotonic()
    assert client.answer().status == 504
    assert 5.9 < time.monotonic() - begun < 8.9


def test_no_backend_is_tried_twice_and_the_last_failure_is_answered(lab: Lab) -> None:
    backends = [lab.backend() for _ in range(3)]
    proxy = lab.proxy(*backends, retries=8)
    for backend in backends:
        backend.refuse()
    client = proxy.client()
    client.send(POST)
    answer = client.answer()
    assert answer.status == 502
    assert not answer.closes
    counters = proxy.counters()
    assert (counters["connects"], counters["retries"]) == (3, 2)
    client.send(GET)
    assert client.answer().status == 502


def test_retries_are_bounded(lab: Lab) -> None:
    backends = [lab.backend() for _ in range(5)]
    proxy = lab.proxy(*backends, retries=2)
    for backend in backends:
        backend.refuse()
    client = proxy.client()
    client.send(GET)
    assert client.answer().status == 502
    assert proxy.counters()["connects"] == 3


def test_retries_can_be_switched_off(lab: Lab) -> None:
    _, client, first, second = pair(lab, retries=0)
    first.refuse()
    client.send(stuck())
    assert client.answer().status == 502
    assert second.is_left_alone()


def test_no_connection_in_time_is_504(lab: Lab) -> None:
    backend = lab.backend()
    proxy = lab.proxy(backend, connect_timeout=0.8)
    backend.hang()
    client = proxy.client()
    client.send(GET)
    assert client.answer().status == 504


def test_waiting_for_a_connection_is_not_the_clients_fault(lab: Lab) -> None:
    """Deadlines of the time before the request must not run on while a backend is being connected to."""
    backend = lab.backend()
    proxy = lab.proxy(backend, connect_timeout=2.5, keepalive_timeout=1.0, head_timeout=1.0)
    backend.hang()
    client = proxy.client()
    client.send(GET)
    assert client.answer().status == 504


# ---------------------------------------------------------------- before the answer


@pytest.mark.parametrize("beginning", [b"", *BEGINNINGS.values()], ids=["nothing", *BEGINNINGS])
def test_a_lost_answer_to_an_idempotent_request_is_asked_for_elsewhere(lab: Lab, beginning: bytes) -> None:
    _, client, first, second = pair(lab)
    client.send(stuck())
    peer = first.accept()
    peer.request()
    peer.send(beginning)
    peer.close()
    peer = second.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().body == b"ok"


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("beginning", BEGINNINGS.values(), ids=BEGINNINGS)
def test_a_kept_connection_that_is_lost_in_an_answers_head_was_not_stale(lab: Lab, beginning: bytes, how: str) -> None:
    """The backend had the request: it has failed, and the next one to be asked is another."""
    proxy, client, first, second = pair(lab, pool_idle=60)
    peer = keep_one(proxy, client, first)
    client.send(stuck())
    peer.request()
    peer.send(beginning)
    for _ in range(3):
        proxy.live()  # turns of the loop, in which it is read: a reset takes away what is not
    getattr(peer, how)()
    peer = second.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().body == b"ok"
    assert proxy.reasons("upstream-failed") == ["closed-before-answer"]


@pytest.mark.parametrize("beginning", [b"", *BEGINNINGS.values()], ids=["nothing", *BEGINNINGS])
def test_a_lost_answer_to_another_request_is_502(lab: Lab, beginning: bytes) -> None:
    _, client, first, second = pair(lab)
    client.send(stuck(POST))
    peer = first.accept()
    peer.request()
    peer.send(beginning)
    peer.close()
    answer = client.answer()
    assert (answer.status, answer.closes) == (502, False)
    assert second.is_left_alone()


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
def test_a_request_is_not_repeated_once_an_interim_answer_is_out(lab: Lab, request_: bytes) -> None:
    _, client, first, second = pair(lab)
    client.send(stuck(request_))
    peer = first.accept()
    peer.request()
    peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert client.one_answer().status == 103
    peer.close()
    assert client.answer().status == 502
    assert second.is_left_alone()


def test_a_reset_is_like_an_end(lab: Lab) -> None:
    _, client, first, second = pair(lab)
    client.send(stuck())
    peer = first.accept()
    peer.request()
    peer.reset()
    peer = second.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_502_and_nothing_of_it_gets_through(lab: Lab, garbage: bytes) -> None:
    proxy, client, first, second = pair(lab)
    client.send(stuck() + get(b"/next", b"Cookie: s=tb0\r\n"))
    peer = first.accept()
    peer.request()
    peer.send(garbage)
    answer = client.answer()
    assert (answer.status, answer.body) == (502, b"502 Bad Gateway\n")
    assert peer.rest() == b""
    again = first.accept()
    assert b"/next" in again.request().start
    again.send(ok(b"mine"))
    assert client.answer().body == b"mine"
    assert second.is_left_alone()
    assert proxy.counters()["upstream_errors"] == 1


def test_an_answer_before_any_request_is_none(lab: Lab) -> None:
    """A new connection on which the backend speaks first is not used."""
    backend = lab.backend()
    proxy = lab.proxy(backend)
    client = proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(ok(b"first") + ok(b"poison"))
    assert client.answer().body == b"first"
    client.send(get(b"/second"))
    again = backend.accept()
    again.request()
    again.send(ok(b"second"))
    assert client.answer().body == b"second"
    assert peer.rest() == b""


def test_bytes_on_an_idle_connection_are_no_answer(lab: Lab) -> None:
    backend = lab.backend()
    proxy = lab.proxy(backend)
    client = proxy.client()
    peer = keep_one(proxy, client, backend)
    peer.send(ok(b"poison"))
    proxy.becomes(upstream_idle=0, upstream_busy=0)
    client.send(GET)
    again = backend.accept()
    again.request()
    again.send(ok(b"clean"))
    assert client.answer().body == b"clean"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA",
        b"HTTP/1.1 204 No Content\r\n\r\nEXTRA",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nEXTRA",
        CHUNKED + b"2\r\nok\r\n0\r\n\r\nEXTRA",
    ],
    ids=["length", "204", "304", "chunked"],
)
def test_bytes_behind_an_answer_belong_to_nobody(lab: Lab, answer: bytes) -> None:
    """RFC 9112, section 6.3: discarded, and the connection is not used again."""
    backend = lab.backend()
    proxy = lab.proxy(backend)
    client = proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(answer)
    assert b"EXTRA" not in client.answer().raw
    assert peer.rest() == b""
    assert client.is_silent(0.05)
    proxy.becomes(upstream_idle=0, upstream_busy=0)


def test_a_body_behind_the_answer_to_head(lab: Lab) -> None:
    backend = lab.backend()
    proxy = lab.proxy(backend)
    client = proxy.client()
    client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    peer = backend.accept()
    peer.request()
    peer.send(ok(b"body"))
    assert client.answer(b"HEAD").get(b"Content-Length") == b"4"
    assert peer.rest() == b""
    assert client.is_silent(0.05)


# ---------------------------------------------------------------- kept connections


def test_a_stale_connection_is_replaced_and_the_user_stays(lab: Lab) -> None:
    proxy, client, first, second = pair(lab)
    peer = keep_one(proxy, client, first)
    client.send(stuck())
    peer.request()
    peer.close()
    again = first.accept()
    again.request()
    again.send(ok(b"again"))
    answer = client.answer()
    assert answer.body == b"again"
    assert answer.get(b"Set-Cookie") is None
    assert second.is_left_alone(0.05)


def test_a_stale_connection_is_replaced_once_with_a_new_one(lab: Lab) -> None:
    """Two kept connections die together (the backend was restarted): the second must not be tried after the first."""
    proxy, client, first, second = pair(lab)
    other = proxy.client()
    for each in (client, other):
        each.send(stuck())
    kept = [first.accept(), first.accept()]
    for peer in kept:
        peer.request()
    for peer in kept:
        peer.send(ok())
    for each in (client, other):
        each.answer()
    proxy.becomes(upstream_idle=2)
    client.send(stuck())
    for peer in kept:
        peer.sock.settimeout(0.05)
        try:
            peer.request()
            used = peer
        except TimeoutError:
            unused = peer
    used.reset()
    again = first.accept()
    assert again.request().start == b"GET / HTTP/1.1"
    again.send(ok(b"again"))
    assert client.answer().body == b"again"
    assert second.is_left_alone(0.05)
    unused.close()


def test_a_stale_connection_costs_one_more_try_only(lab: Lab) -> None:
    proxy, client, first, second = pair(lab)
    peer = keep_one(proxy, client, first)
    client.send(stuck())
    peer.request()
    peer.close()
    again = first.accept()
    again.request()
    again.close()
    moved = second.accept()
    moved.request()
    moved.send(ok())
    assert client.answer().get(b"Set-Cookie") is not None
    assert first.is_left_alone(0.05)


def test_post_is_not_sent_again_on_a_stale_connection(lab: Lab) -> None:
    proxy, client, first, second = pair(lab)
    peer = keep_one(proxy, client, first)
    client.send(stuck(POST))
    peer.request()
    peer.close()
    assert client.answer().status == 502
    assert first.is_left_alone(0.05)
    assert second.is_left_alone(0.05)


def test_post_goes_on_a_new_connection_if_the_kept_one_is_not_of_this_second(lab: Lab) -> None:
    proxy, client, first, _ = pair(lab)
    keep_one(proxy, client, first)
    time.sleep(1.3)
    client.send(stuck(POST))
    again = first.accept()
    assert again.request().body == b"hello"
    again.send(ok())
    assert client.answer().status == 200


def test_a_connection_that_its_backend_closes_is_forgotten(lab: Lab) -> None:
    proxy, client, first, _ = pair(lab)
    peer = keep_one(proxy, client, first)
    peer.close()
    proxy.becomes(upstream_idle=0, upstream_busy=0)
    client.send(stuck(POST))
    again = first.accept()
    again.request()
    again.send(ok())
    assert client.answer().status == 200
