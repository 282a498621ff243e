"""Clients that leave, in each phase: what was done for them ends, and nothing of it stays (RFC 9112, section 9.5)."""

from __future__ import annotations

import pytest

from relay.lab import GET, Lab, Proxy, ok
from relay.peer import Peer

SOON = 6.0  # seconds until everything of a client that is gone must be gone, too (with half_close_grace of 1)
UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhello"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def leave(client: Peer, how: str) -> None:
    (client.reset if how == "reset" else client.close)()


def nothing_is_left(proxy: Proxy) -> None:
    proxy.becomes(SOON, clients=0, exchanges=0, upstream_busy=0)


pytestmark = pytest.mark.parametrize("how", ["reset", "close"])


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost", b"\r\n"])
def test_before_a_request(lab: Lab, sent: bytes, how: str) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(sent)
    proxy.becomes(clients=1)
    leave(client, how)
    nothing_is_left(proxy)


def test_while_a_backend_is_awaited(lab: Lab, how: str) -> None:
    backend = lab.backend()
    proxy = lab.proxy(backend, connect_timeout=1)
    backend.hang()
    client = proxy.client()
    client.send(GET)
    proxy.becomes(connecting=1)
    leave(client, how)
    nothing_is_left(proxy)
    proxy.becomes(SOON, connecting=0)


def test_in_its_request(lab: Lab, how: str) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(UPLOAD)
    peer = lab.backends[0].accept()
    peer.until(b"hello")
    leave(client, how)
    assert peer.rest() == b""
    nothing_is_left(proxy)


def test_in_a_chunked_request(lab: Lab, how: str) -> None:
    """The backend must not take what it has for the whole."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    peer = lab.backends[0].accept()
    peer.until(b"hello\r\n")
    leave(client, how)
    assert b"0\r\n\r\n" not in peer.rest()
    nothing_is_left(proxy)


def test_while_the_answer_is_awaited(lab: Lab, how: str) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    leave(client, how)
    assert peer.rest() == b""
    nothing_is_left(proxy)


def test_in_the_answer(lab: Lab, how: str) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(STREAM)
    client.until(b"hello")
    leave(client, how)
    assert peer.rest() == b""
    nothing_is_left(proxy)


def test_in_a_large_answer(lab: Lab, how: str) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.sock.settimeout(0.3)
    try:
        for _ in range(100):
            peer.send(STREAM if _ == 0 else b"100000\r\n" + bytes(1 << 20) + b"\r\n")
    except TimeoutError:
        pass
    leave(client, how)
    assert peer.rest() == b""
    nothing_is_left(proxy)


def test_between_two_requests(lab: Lab, how: str) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    leave(client, how)
    nothing_is_left(proxy)
    proxy.becomes(upstream_idle=1)


def test_behind_a_refusal(lab: Lab, how: str) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"nonsense\r\n\r\n")
    leave(client, how)
    nothing_is_left(proxy)


@pytest.mark.parametrize("late", [False, True])
def test_with_a_pipelined_request_behind(lab: Lab, how: str, late: bool) -> None:
    """What is behind the request is read and held, so that the end behind it is noticed at once."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET if late else GET * 3)
    peer = lab.backends[0].accept()
    peer.request()
    if late:
        client.send(GET * 2)
    leave(client, how)
    assert peer.rest() == b""
    nothing_is_left(proxy)


def test_with_more_behind_than_is_held(lab: Lab, how: str) -> None:
    """Then nothing more is read: the end is noticed late, with an answer or with its deadline."""
    proxy = lab.proxy(response_timeout=1.2)
    client = proxy.client()
    client.send(GET * 2)
    peer = lab.backends[0].accept()
    peer.request()
    client.send(GET * 3000)
    leave(client, how)
    peer.send(ok())
    nothing_is_left(proxy)


def test_a_hundred_at_once(lab: Lab, how: str) -> None:
    proxy = lab.proxy()
    clients = [proxy.client() for _ in range(100)]
    for number, client in enumerate(clients):
        client.send([b"", b"GET / HT", GET, UPLOAD, b"nonsense\r\n\r\n"][number % 5])
    peers = [lab.backends[0].accept() for _ in range(40)]
    for client in clients:
        leave(client, how)
    nothing_is_left(proxy)
    for peer in peers:
        peer.close()
    proxy.becomes(SOON, upstream_idle=0)
