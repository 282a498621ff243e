"""Backends that do not read, or slowly: uploads wait in bounded memory, and nobody is taken for silent."""

from __future__ import annotations

import select
import time

import pytest

from relay.lab import GET, Lab, ok
from relay.peer import PATIENCE
from relay.pumps import MIB, pump, resident, swallow


def test_a_backend_that_reads_nothing(lab: Lab) -> None:
    proxy = lab.proxy(write_timeout=1.2)
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
    peer = lab.backends[0].accept()
    before, held = resident(), 0
    sender = pump(client, bytes(MIB), 64)
    end = time.monotonic() + PATIENCE
    while not select.select([client.sock], [], [], 0.05)[0] and time.monotonic() < end:
        held = max(held, resident() - before)
    answer = client.answer()  # what comes behind it is read and dropped: what was held until then counts
    assert (answer.status, answer.closes) == (504, True)
    assert held < 32 * MIB
    peer.close()
    sender.join()
    proxy.becomes(clients=0, upstream_busy=0)


def test_a_backend_that_reads_slowly(lab: Lab) -> None:
    proxy = lab.proxy(write_timeout=2.0, idle_timeout=2.0)
    client = proxy.client()
    size = 16 * MIB
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    peer = lab.backends[0].accept()
    peer.request_head()
    sender = pump(client, bytes(size), 1)
    begin, got = time.monotonic(), len(peer.buffer)
    peer.buffer = b""
    while time.monotonic() - begin < 5.0:
        got += len(peer.sock.recv(60_000))
        time.sleep(0.03)
    got += swallow(peer, size - got)
    sender.join()
    assert got == size
    peer.send(ok())
    assert client.answer().status == 200


def test_a_large_answer_beside_a_large_body_that_is_not_read(lab: Lab) -> None:
    """What cannot be written one way does not stop what comes the other way."""
    proxy = lab.proxy()
    client = proxy.client()
    size = 16 * MIB
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    peer = lab.backends[0].accept()
    upload = pump(client, bytes(MIB), 16)
    download = pump(peer, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size), 1)
    client.until(b"\r\n\r\n")
    assert swallow(client, size) == size
    download.join()
    upload.join()  # no more of it is taken once the answer is there
    peer.close()
    proxy.becomes(clients=0, upstream_busy=0, upstream_idle=0)


@pytest.mark.parametrize("wait", [0.4, 2.5])
def test_a_backend_that_does_not_read_is_not_silent(lab: Lab, wait: float) -> None:
    """Its window is closed, its machine is well: an upload waits, and nobody else's request is given up."""
    proxy = lab.proxy(eject_after=3, silence_timeout=0.5)
    other = proxy.client()
    other.send(GET)
    others = lab.backends[0].accept()
    others.request()
    client = proxy.client()
    size = 16 * MIB
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    sender = pump(client, bytes(MIB), 16)
    peer = lab.backends[0].accept()
    time.sleep(wait)
    peer.until(b"\r\n\r\n")
    swallow(peer, size)
    sender.join()
    peer.send(ok())
    assert client.answer().status == 200
    others.send(ok())
    assert other.answer().status == 200
    assert not proxy.counters()["ejections"]


def test_nor_is_one_in_a_tunnel(lab: Lab) -> None:
    proxy = lab.proxy(silence_timeout=0.5)
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")
    client.until(b"\r\n\r\n")
    size = 16 * MIB
    sender = pump(client, bytes(MIB), 16)
    for _ in range(5):
        time.sleep(0.5)
        peer.send(b"tick")
    swallow(peer, size)
    sender.join()
    peer.send(b"done")
    client.until(b"done")
