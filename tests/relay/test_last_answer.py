"""The end of an answer that ends its connection: sent with the FIN, whole, and in order with what went before."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest

from relay.lab import GET, Lab, get, ok
from relay.peer import Peer

CLOSE = b"Connection: close\r\n"
SEGMENTS_IN = 140  # offset of tcpi_segs_in in struct tcp_info (linux/tcp.h)


def segments_received(peer: Peer) -> int:
    """By the kernel's count, the one that opened the connection included."""
    info = peer.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("I", info, SEGMENTS_IN)[0])


def test_the_end_comes_with_the_last_bytes(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/", CLOSE))
    backend = lab.backends[0].accept()
    backend.request()
    before = segments_received(client)
    backend.send(ok())
    assert client.answer().body == b"ok"
    assert client.rest() == b""
    assert segments_received(client) == before + 1


def test_an_answer_that_the_kernel_does_not_take_at_once(lab: Lab) -> None:
    """What does not fit goes the transport's way, behind what did."""
    body = bytes(range(256)) * (32 << 10)
    proxy = lab.proxy()
    client = proxy.client(receive_buffer=4096)
    client.send(get(b"/", CLOSE))
    backend = lab.backends[0].accept()
    backend.request()
    sender = threading.Thread(target=backend.send, args=(ok(body),))
    sender.start()
    assert client.answer().body == body
    assert client.rest() == b""
    sender.join()
    proxy.becomes(clients=0)


def test_an_answer_in_pieces(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/", CLOSE))
    backend = lab.backends[0].accept()
    backend.request()
    backend.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    client.until(b"abc\r\n")
    backend.send(b"3\r\ndef\r\n0\r\n\r\n")
    assert client.until(b"0\r\n\r\n").endswith(b"3\r\ndef\r\n0\r\n\r\n")
    assert client.rest() == b""


def test_a_client_that_is_gone(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/", CLOSE))
    backend = lab.backends[0].accept()
    backend.request()
    client.reset()
    backend.send(ok())
    proxy.becomes(clients=0, exchanges=0)


def test_bytes_behind_the_last_request_are_read_before_the_end(lab: Lab) -> None:
    """Closing with unread bytes would reset the connection, and the answer with it (RFC 9112, 9.6)."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/", CLOSE) + get(b"/never"))
    backend = lab.backends[0].accept()
    backend.request()
    backend.send(ok())
    assert client.answer().body == b"ok"
    assert client.rest() == b""


def test_bytes_that_arrive_with_the_answer(lab: Lab) -> None:
    """They are in the kernel, not yet read, when the last answer is written."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/", CLOSE))
    backend = lab.backends[0].accept()
    backend.request()
    busy = threading.Thread(target=lab.call, args=(time.sleep, 0.3))
    busy.start()
    time.sleep(0.1)
    backend.send(ok())  # its event comes first
    time.sleep(0.05)
    client.send(GET)
    busy.join()
    assert client.answer().body == b"ok"
    assert client.rest() == b""


@pytest.mark.parametrize("limits", [{"max_requests_per_connection": 1}, {}])
def test_bytes_that_come_late(lab: Lab, limits: dict[str, int]) -> None:
    """The answer has not been read yet: a reset would destroy it."""
    proxy = lab.proxy(**limits)
    client = proxy.client()
    client.send(GET)
    backend = lab.backends[0].accept()
    backend.request()
    if not limits:
        proxy.drain()
    backend.send(ok())
    proxy.becomes(exchanges=0)
    for _ in range(3):
        client.send(GET)
        time.sleep(0.05)
    assert client.answer().body == b"ok"
    assert client.rest() == b""
    client.close()
    proxy.becomes(clients=0)


@pytest.mark.parametrize("request_", [get(b"/", CLOSE), b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"])
def test_bytes_that_must_not_come(lab: Lab, request_: bytes) -> None:
    """RFC 9112, 9.6: who says close sends nothing more. Nobody waits for it; the answer is out before what comes is reset."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(request_)
    backend = lab.backends[0].accept()
    backend.request()
    backend.send(ok())
    proxy.becomes(clients=0)
    client.send(GET)
    assert client.answer().body == b"ok"
    assert client.rest() == b""


def test_a_client_that_does_not_close_its_side(lab: Lab) -> None:
    proxy = lab.proxy(linger=0.3, max_requests_per_connection=1)
    client = proxy.client()
    client.send(GET)
    backend = lab.backends[0].accept()
    backend.request()
    backend.send(ok())
    assert client.answer().body == b"ok"
    assert client.rest() == b""
    proxy.becomes(clients=0)
