"""Every limit and deadline, and what the client is told when it is reached. Deadlines have a resolution of 0.1 s."""

from __future__ import annotations

import contextlib
import time

import pytest

from relay.lab import GET, Lab, get, ok
from relay.peer import Peer, until

UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"


def is_refused(client: Peer, status: int) -> None:
    """One answer, and no more."""
    answer = client.answer()
    assert (answer.status, answer.closes) == (status, True)
    assert client.rest() == b""


def test_a_head_that_never_ends_is_408(lab: Lab) -> None:
    client = lab.proxy(head_timeout=1.0, linger=0.2).client()
    client.send(b"GET / HTTP/1.1\r\nHo")
    is_refused(client, 408)


def test_the_limit_is_for_the_whole_head(lab: Lab) -> None:
    """Slowloris: a byte from time to time does not keep a head alive."""
    client = lab.proxy(head_timeout=1.2, keepalive_timeout=5, linger=0.2).client()
    client.send(b"GET / HTTP/1.1\r\n")
    begin = time.monotonic()
    while client.is_silent(0.05):
        client.send(b"X")
        assert time.monotonic() - begin < 5
    is_refused(client, 408)


def test_a_second_head_has_the_same_limit(lab: Lab) -> None:
    proxy = lab.proxy(head_timeout=1.0, linger=0.2)
    client = proxy.client()
    client.send(GET + b"GET / HT")
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    is_refused(client, 408)


def test_limits_of_heads_that_are_switched_off(lab: Lab) -> None:
    """What is left is what there is memory for: 16 MiB, and 256 fields."""
    proxy = lab.proxy(max_head=0, max_line=0, max_fields=0)
    client = proxy.client()
    client.send(get(b"/" + b"a" * 100_000, b"X: %b\r\n" % (b"x" * 2000) * 255))
    peer = lab.backends[0].accept()
    assert len(peer.until(b"\r\n\r\n")) > 600_000
    peer.send(ok())
    assert client.answer().body == b"ok"
    client.send(get(b"/", b"X: x\r\n" * 256))
    is_refused(client, 431)


def test_an_idle_connection_is_closed_without_a_word(lab: Lab) -> None:
    proxy = lab.proxy(keepalive_timeout=1.0)
    silent, used = proxy.client(), proxy.client()
    used.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(ok())
    assert used.answer().status == 200
    assert silent.rest() == b""
    assert used.rest() == b""
    proxy.becomes(clients=0)


def test_keep_alive_starts_with_the_end_of_an_exchange(lab: Lab) -> None:
    proxy = lab.proxy(keepalive_timeout=1.2)
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    time.sleep(2.0)
    peer.send(ok())
    assert client.answer().status == 200
    client.send(GET)
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200


def test_a_request_body_that_stalls_is_408(lab: Lab) -> None:
    proxy = lab.proxy(idle_timeout=1.0, linger=0.2)
    client = proxy.client()
    client.send(UPLOAD + b"hello")
    peer = lab.backends[0].accept()
    peer.request_head()
    is_refused(client, 408)
    assert peer.rest().endswith(b"hello")


def test_a_get_with_a_length_and_no_body_ends(lab: Lab) -> None:
    """CVE-2024-28869."""
    client = lab.proxy(idle_timeout=1.0, linger=0.2).client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
    is_refused(client, 408)


def test_a_body_that_moves_goes_on(lab: Lab) -> None:
    proxy = lab.proxy(idle_timeout=1.2)
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
    peer = lab.backends[0].accept()
    for _ in range(8):
        client.send(b"x")
        time.sleep(0.3)
    assert peer.request().body == b"x" * 8
    peer.send(ok())
    assert client.answer().status == 200


def test_an_upload_may_rest_while_its_answer_goes_on(lab: Lab) -> None:
    """A stream in both directions: what moves downwards keeps it alive."""
    proxy = lab.proxy(idle_timeout=1.5)
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
    peer = lab.backends[0].accept()
    peer.until(b"x\r\n")
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.until(b"\r\n\r\n")
    for _ in range(4):
        time.sleep(0.5)
        peer.send(b"1\r\ny\r\n")
        assert client.exactly(6) == b"1\r\ny\r\n"
    client.send(b"0\r\n\r\n")
    assert peer.exactly(5) == b"0\r\n\r\n"
    peer.send(b"0\r\n\r\n")
    assert client.exactly(5) == b"0\r\n\r\n"


def test_a_stream_in_both_directions_that_rests_is_cut(lab: Lab) -> None:
    proxy = lab.proxy(idle_timeout=1.0)
    client = proxy.client()
    client.send(UPLOAD)
    peer = lab.backends[0].accept()
    peer.request_head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
    assert not client.answer().complete
    assert peer.rest() == b""


def test_the_answers_deadline_starts_with_the_requests_end(lab: Lab) -> None:
    proxy = lab.proxy(response_timeout=1.2, idle_timeout=5)
    client = proxy.client()
    client.send(UPLOAD[:-4].replace(b"1000", b"5") + b"\r\n\r\n")
    peer = lab.backends[0].accept()
    time.sleep(2.0)
    client.send(b"hello")
    assert peer.request().body == b"hello"
    peer.send(ok())
    assert client.answer().status == 200


def test_interim_answers_do_not_extend_it(lab: Lab) -> None:
    proxy = lab.proxy(response_timeout=1.2)
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    with contextlib.suppress(ConnectionError):  # the proxy closes it in the middle of this
        for _ in range(8):
            peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            time.sleep(0.3)
        peer.send(ok())
    assert client.answer().status == 504


def test_a_half_closed_client_gets_an_answer_in_time(lab: Lab) -> None:
    proxy = lab.proxy(half_close_grace=1.2)
    client = proxy.client()
    client.send(GET)
    client.finish()
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(5):
        peer.send(b"1\r\nx\r\n")
        time.sleep(0.5)
    peer.send(b"0\r\n\r\n")
    answer = client.answer()
    assert (answer.body, answer.complete, answer.closes) == (b"xxxxx", True, True)
    assert client.rest() == b""


@pytest.mark.parametrize("begun", [False, True])
def test_and_is_let_go_after_it(lab: Lab, begun: bool) -> None:
    proxy = lab.proxy(half_close_grace=1.0)
    client = proxy.client()
    client.send(GET)
    client.finish()
    peer = lab.backends[0].accept()
    peer.request()
    if begun:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    assert peer.rest() == b""
    assert client.rest() in (b"", *([client.buffer] if begun else [])) or begun
    proxy.becomes(clients=0, exchanges=0)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\n\r\nhello", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
)
def test_a_clients_deadline_may_pass_in_the_turn_in_which_its_answer_is_cut(lab: Lab, answer: bytes) -> None:
    """The backend's deadline comes first (its connection is older), and with it the client's reset; the client's own is due
    before that is done, when nobody is asked for its answer any more. It was a crash."""
    backend = lab.backend()
    proxy = lab.proxy(backend, idle_timeout=1.0, half_close_grace=1.0, pool_idle=60)
    first = proxy.client()
    first.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert first.answer().body == b"ok"
    proxy.becomes(upstream_idle=1)
    client = proxy.client()
    client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    client.finish()
    peer.request()
    time.sleep(0.2)  # the end of what the client sends has been read, so that the answer sets both deadlines
    peer.send(answer)
    assert client.rest().endswith(b"hello")
    proxy.becomes(clients=1, exchanges=0)
    first.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert first.answer().body == b"ok"


def test_its_answer_is_cut_if_it_does_not_go_on(lab: Lab) -> None:
    """Its end would be the answer's, for a client of HTTP/1.0."""
    proxy = lab.proxy(half_close_grace=0.5)
    client = proxy.client()
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    client.finish()
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    client.until(b"half")
    assert client.is_reset()


def test_a_client_that_half_closes_while_a_backend_is_awaited_is_let_go(lab: Lab) -> None:
    """The grace runs on when the connection to the backend is there."""
    backend = lab.backend()
    proxy = lab.proxy(backend, half_close_grace=1.0, connect_timeout=5)
    waiting = backend.hang()
    client = proxy.client()
    client.send(GET)
    proxy.becomes(connecting=1)
    for sock in waiting:
        sock.close()
    backend.listener.listen(64)
    client.finish()
    assert client.rest() == b""
    proxy.becomes(clients=0, exchanges=0)


def test_a_client_that_lingers_is_let_go(lab: Lab) -> None:
    proxy = lab.proxy(linger=0.3)
    client = proxy.client()
    client.send(b"nonsense\r\n\r\n")
    assert client.answer().status == 400
    proxy.becomes(2.0, clients=0)


def test_lingering_can_be_switched_off(lab: Lab) -> None:
    proxy = lab.proxy(linger=0)
    client = proxy.client()
    client.send(b"nonsense\r\n\r\n")
    assert client.answer().status == 400
    proxy.becomes(1.0, clients=0)


def test_late_bytes_do_not_destroy_an_answer(lab: Lab) -> None:
    """RFC 9112, section 9.6: a body that is refused goes on coming for a while."""
    proxy = lab.proxy(max_body=10)
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n")
    client.send(b"x" * 2_000_000)
    time.sleep(0.1)
    client.send(b"x" * 2_000_000)
    is_refused(client, 413)


def test_a_chunked_body_over_the_limit_is_413(lab: Lab) -> None:
    proxy = lab.proxy(max_body=10)
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    peer = lab.backends[0].accept()
    peer.until(b"hello\r\n")
    client.send(b"6\r\nhello!\r\n")
    is_refused(client, 413)
    assert b"0\r\n\r\n" not in peer.rest()


def test_a_chunked_body_over_the_limit_in_one_piece_is_413(lab: Lab) -> None:
    proxy = lab.proxy(max_body=10)
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n")
    is_refused(client, 413)
    assert not proxy.counters()["connects"]


def test_requests_on_a_connection(lab: Lab) -> None:
    proxy = lab.proxy(max_requests_per_connection=2)
    client = proxy.client()
    client.send(GET * 3)
    peer = lab.backends[0].accept()
    for _ in range(2):
        peer.request()
        peer.send(ok())
    assert [client.answer().closes for _ in range(2)] == [False, True]
    assert client.rest() == b""


def test_connections_of_one_address(lab: Lab) -> None:
    proxy = lab.proxy(max_connections_per_client=2, linger=0.2)
    first, second, third = proxy.client(), proxy.client(), proxy.client()
    is_refused(third, 429)
    first.close()
    proxy.becomes(clients=1)
    clients = second, proxy.client()
    for client in clients:
        client.send(GET)
    for _ in clients:
        peer = lab.backends[0].accept()
        peer.request()
        peer.send(ok())
    assert [client.answer().status for client in clients] == [200, 200]


def test_connections_in_all(lab: Lab) -> None:
    """At the limit nobody is turned away; the worker is told to stop accepting, and to go on when somebody has left."""
    proxy = lab.proxy(max_connections=2)
    first, second = proxy.client(), proxy.client()
    until(lambda: proxy.fulls == [True])
    first.close()
    until(lambda: proxy.fulls == [True, False])
    second.send(GET)
    lab.backends[0].accept().request()


def test_kept_connections_to_a_backend(lab: Lab) -> None:
    proxy = lab.proxy(pool_size=1)
    clients = [proxy.client() for _ in range(3)]
    for client in clients:
        client.send(GET)
    peers = [lab.backends[0].accept() for _ in range(3)]
    for peer in peers:
        peer.request()
        peer.send(ok())
    for client in clients:
        assert client.answer().status == 200
    proxy.becomes(upstream_idle=1, upstream_busy=0)


def test_how_long_they_are_kept(lab: Lab) -> None:
    proxy = lab.proxy(pool_idle=0.3)
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    assert peer.rest() == b""
    proxy.becomes(upstream_idle=0, clients=1)
