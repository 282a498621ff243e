"""Backends that fail in their answers, and answers before the request's end (RFC 9112, sections 6.3 and 9.3)."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from faststicky.core import dial
from relay.failing import CHUNKED, LENGTH, keep_one, pair, stuck
from relay.lab import GET, Lab, get, ok
from relay.peer import Peer

CUTS = {
    "in a body with Content-Length": LENGTH + b"01234",
    "before a body with Content-Length": LENGTH,
    "before the first chunk": CHUNKED,
    "in a chunk size": CHUNKED + b"5",
    "in a chunk": CHUNKED + b"5\r\nhel",
    "behind a chunk": CHUNKED + b"5\r\nhello",
    "between chunks": CHUNKED + b"5\r\nhello\r\n",
    "in the last chunk": CHUNKED + b"5\r\nhello\r\n0\r\n",
    "in the last line": CHUNKED + b"5\r\nhello\r\n0\r\n\r",
    "in the trailer": CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n",
}


# ---------------------------------------------------------------- in the answer


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("begin", CUTS.values(), ids=CUTS)
def test_an_answer_that_is_cut_never_looks_complete(lab: Lab, begin: bytes, end: str, version: bytes) -> None:
    proxy, client, first, second = pair(lab)
    client.send(stuck().replace(b"HTTP/1.1", version))
    peer = first.accept()
    peer.request()
    peer.send(begin)
    client.until(b"\r\n\r\n")  # so that what was sent is on its way before the end
    client.buffer = (
        b"HTTP/1.1 200 OK\r\n%b\r\n\r\n"
        % (b"Content-Length: 10" if begin.startswith(LENGTH) else b"X: y" if version == b"HTTP/1.0" else CHUNKED[17:-4])
        + client.buffer
    )
    (peer.close if end == "close" else peer.reset)()
    answer = client.answer()
    assert not answer.complete
    proxy.becomes(upstream_busy=0, upstream_idle=0)
    assert proxy.counters()["cut_answers"] == 1
    assert second.is_left_alone(0.02)


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_an_answer_without_framing_that_ends_by_reset_is_cut(lab: Lab, version: bytes) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET.replace(b"HTTP/1.1", version))
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
    client.until(b"hello")
    peer.reset()
    assert client.rest() == b"" if version == b"HTTP/1.0" else b"0\r\n\r\n" not in client.rest()
    until_cut = proxy.counters()["cut_answers"]
    proxy.becomes(clients=0)
    assert proxy.counters()["cut_answers"] == 1 or until_cut == 1


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
@pytest.mark.parametrize("how", ["another connection finds its machine silent", "the relay is closed"])
def test_an_answer_without_framing_whose_connection_we_give_up_is_cut(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, how: str, version: bytes
) -> None:
    """Its end is ours, not the backend's. The backend's connection is older than the client's, so it goes first."""
    proxy, other, backend, _ = pair(lab, pool_idle=60, retries=0)
    peer = keep_one(proxy, other, backend)
    client = proxy.client()
    client.send(stuck().replace(b"HTTP/1.1", version))
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
    client.until(b"hello")
    if how == "the relay is closed":
        lab.call(proxy.relay.close)
    else:
        other.send(stuck())
        last = backend.accept()
        last.request()
        monkeypatch.setattr(dial, "is_silence", lambda error: isinstance(error, ConnectionResetError))
        last.reset()
    assert client.rest() in (b"", b"\r\n")
    assert client.ended
    proxy.becomes(upstream_busy=0, exchanges=0)
    assert proxy.counters()["cut_answers"] == 1


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_an_answer_that_the_relays_end_cuts(lab: Lab, version: bytes) -> None:
    """Whichever of the two connections is lost first: the backend's has the lower place here."""
    backend = lab.backend("b0")
    proxy = lab.proxy(backend)
    first = proxy.client()
    keep_one(proxy, first, backend)
    first.close()
    proxy.becomes(clients=0)
    clients = [proxy.client(), proxy.client()]
    proxy.becomes(clients=2)
    for at, client in enumerate(reversed(clients)):
        client.send(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
        peer = backend.accept() if at else backend.peers[0]
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        client.until(b"half")
    lab.call(proxy.relay.close)
    for client in clients:
        assert client.is_reset() or version == b"1.1"
        assert b"0\r\n" not in client.buffer


@pytest.mark.parametrize(
    "bad", [b"5x\r\n", b"\r\n", b"5\nhello", b"ffffffffffffffff\r\n", b"5\r\nhelloXX", b"0\r\nX y\r\n", b"-1\r\n"]
)
def test_malformed_chunks_cut_the_answer(lab: Lab, bad: bytes) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(CHUNKED + b"2\r\nok\r\n" + bad)
    answer = client.answer()
    assert not answer.complete
    assert peer.rest() == b""


def test_silence_is_504(lab: Lab) -> None:
    proxy, client, first, second = pair(lab, response_timeout=1.0)
    client.send(stuck() + get(b"/next", b"Cookie: s=tb1\r\n"))
    peer = first.accept()
    peer.request()
    answer = client.answer()
    assert (answer.status, answer.closes) == (504, False)
    assert peer.rest() == b""
    again = second.accept()
    again.request()
    again.send(ok())
    assert client.answer().status == 200
    assert proxy.counters()["upstream_errors"] == 1


def test_an_answer_that_stalls_is_cut(lab: Lab) -> None:
    proxy = lab.proxy(idle_timeout=1.0)
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(LENGTH + b"01234")
    answer = client.answer()
    assert (answer.body, answer.complete) == (b"01234", False)
    assert peer.rest() == b""


# ---------------------------------------------------------------- during an upload


def test_an_answer_before_the_requests_end(lab: Lab) -> None:
    """RFC 9112, section 9.3: the client gets it and is told that it is the last; the rest of its body is dropped."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhello")
    peer = lab.backends[0].accept()
    peer.request_head()
    peer.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
    answer = client.answer()
    assert (answer.status, answer.body, answer.closes) == (413, b"no", True)
    client.send(GET)
    assert client.rest() == b""
    assert peer.rest().endswith(b"hello")
    proxy.becomes(upstream_idle=0, upstream_busy=0)


def test_an_answer_that_comes_before_a_write_fails(lab: Lab) -> None:
    """The backend answers and closes while the client still sends: it gets the answer, whichever is noticed first."""
    proxy = lab.proxy(linger=0.2)
    for _ in range(80):
        client = proxy.client()
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
        peer = lab.backends[0].accept()
        peer.until(b"\r\n\r\n")
        sender = threading.Thread(target=trickle, args=(client, 45))
        sender.start()
        peer.exactly(100_000)
        peer.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
        peer.close()
        answer = client.answer()
        assert (answer.status, answer.body, answer.closes) == (413, b"no", True)
        sender.join()
        client.close()


def trickle(client: Peer, times: int) -> None:
    with contextlib.suppress(OSError):
        for _ in range(times):
            client.sock.send(bytes(65536))
            time.sleep(0.0005)


def test_the_requests_end_comes_before_the_answers(lab: Lab) -> None:
    """The answer began before the request's end all the same: neither connection is used again."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    peer = lab.backends[0].accept()
    peer.request_head()
    peer.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nno")
    client.until(b"no")
    client.send(b"world")
    assert peer.exactly(10) == b"helloworld"
    peer.send(b"no")
    assert client.rest() == b"no"
    assert peer.rest() == b""
    proxy.becomes(upstream_idle=0, upstream_busy=0)


def test_expect_continue_waits_for_the_backend(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    peer = lab.backends[0].accept()
    assert peer.request_head().get(b"Expect") == b"100-continue"
    assert client.is_silent(0.05)
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert client.one_answer().status == 100
    client.send(b"hello")
    assert peer.exactly(5) == b"hello"
    peer.send(ok())
    answer = client.answer()
    assert (answer.status, answer.closes) == (200, False)
    proxy.becomes(upstream_idle=1)


@pytest.mark.parametrize("status", [b"417 Expectation Failed", b"200 OK", b"401 Unauthorized"])
def test_expect_continue_answered_finally(lab: Lab, status: bytes) -> None:
    """CVE-2024-24791 and 0.CL: whether the body still comes is open, so neither connection is used again."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 37\r\n\r\n")
    peer = lab.backends[0].accept()
    peer.request_head()
    peer.send(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
    assert client.answer().closes
    client.send(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.rest() == b""
    assert peer.rest() == b""
    assert lab.backends[0].is_left_alone(0.05)


def test_a_body_that_is_sent_while_a_new_connection_is_awaited_arrives_whole(lab: Lab) -> None:
    """The first backend dies during an upload that may be repeated; connecting to the second one takes its time."""
    first, second = lab.backend("b0"), lab.backend("b1")
    proxy = lab.proxy(first, second, connect_timeout=5, replay_limit=60_000)
    client = proxy.client()
    waiting = second.hang()
    body = bytes(range(256)) * 500
    client.send(stuck(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)) + body[:50_000])
    peer = first.accept()
    peer.request_head()
    peer.exactly(50_000)
    peer.close()
    proxy.becomes(connecting=1, upstream_busy=0)
    client.send(body[50_000:])
    for sock in waiting:
        sock.close()
    second.listener.listen(64)
    while True:
        peer = second.accept()
        if peer.more():
            break
    message = peer.request()
    assert message.body == body
    peer.send(ok())
    assert client.answer().status == 200


def test_malformed_chunks_in_a_request_end_it(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    peer = lab.backends[0].accept()
    peer.until(b"hello\r\n")
    client.send(b"5 \r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer.closes) == (400, True)
    assert client.rest() == b""
    assert b"0\r\n\r\n" not in peer.rest()
    proxy.becomes(upstream_idle=0, upstream_busy=0)


def test_malformed_chunks_with_the_head(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n" + GET)
    answer = client.answer()
    assert (answer.status, answer.closes) == (400, True)
    assert client.rest() == b""
    assert not proxy.counters()["connects"]
