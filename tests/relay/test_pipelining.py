"""Several requests on one connection: one at a time, in order, and none behind the last (RFC 9112, 9.3 and 9.6)."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from relay.lab import GET, POST, Lab, get, ok


def test_answers_come_in_order(lab: Lab) -> None:
    """CVE-2023-46137: the second request is not even sent before the first answer is complete."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/1") + POST + get(b"/3"))
    peer = lab.backends[0].accept()
    for expected in (b"GET /1 HTTP/1.1", b"POST / HTTP/1.1", b"GET /3 HTTP/1.1"):
        message = peer.request()
        assert message.start == expected
        assert peer.is_silent(0.05)
        peer.send(ok(expected))
        assert client.answer().body == expected
    assert lab.backends[0].is_left_alone(0.02)


@pytest.mark.parametrize("count", [500])
def test_many(lab: Lab, count: int) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"".join(get(b"/%d" % number) for number in range(count)))
    peer = lab.backends[0].accept()
    for number in range(count):
        assert peer.request().start == b"GET /%d HTTP/1.1" % number
        peer.send(ok(b"%d" % number))
    for number in range(count):
        assert client.answer().body == b"%d" % number
    proxy.becomes(clients=1, upstream_idle=1)


def test_own_answers_and_others_in_order(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    zero = b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"
    client.send(zero + get(b"/1") + zero + zero + get(b"/2"))
    peer = lab.backends[0].accept()
    for number in (1, 2):
        assert peer.request().start == b"GET /%d HTTP/1.1" % number
        peer.send(ok(b"%d" % number))
    assert [client.answer().body for _ in range(5)] == [b"200 OK\n", b"1", b"200 OK\n", b"200 OK\n", b"2"]


@pytest.mark.parametrize("junk", [GET, b"\x00\x01", b"GET / HTTP/1.1\r\nContent-Length: 10\r\n\r\n", b"x" * 100_000])
def test_nothing_behind_connection_close_is_read(lab: Lab, junk: bytes) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/", b"Connection: close\r\n") + junk)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(ok(bytes(50_000)))
    answer = client.answer()
    assert (answer.closes, answer.complete) == (True, True)
    assert client.rest() == b""
    assert peer.is_silent(0.02)


def test_a_fault_behind_a_good_request_is_answered_behind_its_answer(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET + b"nonsense\r\n\r\n" + GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(ok())
    assert client.answer().body == b"ok"
    assert client.answer().status == 400
    assert client.rest() == b""
    assert peer.is_silent(0.02)


def test_a_body_is_not_taken_for_a_request_nor_the_reverse(lab: Lab) -> None:
    """CVE-2019-20372 and 0.CL: a body that we answer without reading it is dropped with the connection."""
    proxy = lab.proxy(None)
    client = proxy.client()
    client.send(b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(GET) + GET)
    answer = client.answer()
    assert (answer.status, answer.closes) == (503, True)
    assert client.rest() == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_the_request_behind_a_body(lab: Lab, framing: bytes) -> None:
    body = b"hello" if b"Length" in framing else b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n%b" % (framing, body) + get(b"/2"))
    peer = lab.backends[0].accept()
    assert peer.request().body == b"hello"
    peer.send(ok(b"1"))
    assert peer.request().start == b"GET /2 HTTP/1.1"
    peer.send(ok(b"2"))
    assert [client.answer().body for _ in range(2)] == [b"1", b"2"]


def test_half_closed_behind_several(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/1") + get(b"/2"))
    client.finish()
    peer = lab.backends[0].accept()
    for number in (b"1", b"2"):
        peer.request()
        peer.send(ok(number))
    assert [client.answer().body for _ in range(2)] == [b"1", b"2"]
    assert client.rest() == b""


def test_half_closed_while_the_first_is_answered(lab: Lab) -> None:
    """The end is noticed early, and still everything that was asked for is answered; the last answer says that it is."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/1") + b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
    peer = lab.backends[0].accept()
    peer.request()
    client.send(get(b"/2") + get(b"/3"))
    client.finish()
    time.sleep(0.1)
    for number in (b"1", b"2", b"3"):
        if number != b"1":
            assert peer.request().start == b"GET /%b HTTP/1.1" % number
        peer.send(ok(number))
    answers = [client.answer() for _ in range(4)]
    assert [each.body for each in answers] == [b"1", b"200 OK\n", b"2", b"3"]
    assert [each.closes for each in answers] == [False, False, False, True]
    assert client.rest() == b""
    proxy.becomes(clients=0)


@pytest.mark.parametrize("rest", [b"GET / HTT", b"\r\n", b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"])
def test_half_closed_behind_what_no_backend_gets(lab: Lab, rest: bytes) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    client.send(rest)
    client.finish()
    time.sleep(0.1)
    peer.send(ok())
    assert client.answer().body == b"ok"
    if rest.startswith(b"O"):
        assert client.answer().status == 200
    assert client.rest() == b""
    proxy.becomes(clients=0, exchanges=0)


def test_held_bytes_are_bounded(lab: Lab) -> None:
    """Whoever sends more behind a request than is held waits, and loses nothing."""
    proxy = lab.proxy()
    client = proxy.client()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    client.send(get(b"/0"))
    peer = lab.backends[0].accept()
    peer.request()
    sender = threading.Thread(
        target=lambda: [
            client.send(get(b"/%d" % number, b"X: %b\r\n" % bytes(b"x" * 4000))) for number in range(1, 300)
        ]
    )
    sender.start()
    sender.join(0.5)
    assert sender.is_alive()  # 1.2 MB do not fit into the kernel's buffers and ours
    for number in range(300):
        if number:
            assert peer.request().start == b"GET /%d HTTP/1.1" % number
        peer.send(ok(b"%d" % number))
        assert client.answer().body == b"%d" % number
    sender.join()
