"""Bodies of any size in bounded memory: whoever cannot write stops the other side's reading."""

from __future__ import annotations

import contextlib
import time

import pytest

from relay.lab import GET, Lab, Proxy, get, ok
from relay.peer import PATIENCE, Peer
from relay.pumps import MIB, pump, resident, swallow


def test_a_gibibyte_down(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1024 * MIB))
    client.until(b"\r\n\r\n")
    before = resident()
    sender = pump(peer, bytes(MIB), 1024)
    size = swallow(client, 1024 * MIB)
    assert resident() - before < 32 * MIB
    sender.join()
    assert size == 1024 * MIB
    proxy.becomes(upstream_idle=1)


def test_a_quarter_up(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (256 * MIB))
    peer = lab.backends[0].accept()
    peer.request_head()
    before = resident()
    sender = pump(client, bytes(MIB), 256)
    assert swallow(peer, 256 * MIB) == 256 * MIB
    sender.join()
    assert resident() - before < 32 * MIB
    peer.send(ok())
    assert client.answer().status == 200


def test_a_slow_reader_gets_all_of_it(lab: Lab) -> None:
    """As long as it takes something now and then, write_timeout does not end it."""
    proxy = lab.proxy(write_timeout=2.0, idle_timeout=2.0)
    client = proxy.client(receive_buffer=4096)
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    size = 24 * MIB
    before = resident()
    sender = pump(peer, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size), 1)
    head = len(client.until(b"\r\n\r\n"))
    got = len(client.buffer) + head
    client.buffer = b""
    begin = time.monotonic()
    while time.monotonic() - begin < 5.0:  # more than twice write_timeout, in small sips
        got += len(client.sock.recv(200_000))
        time.sleep(0.02)
    assert resident() - before < 48 * MIB
    got += swallow(client, size + head - got)
    sender.join()
    assert got == size + head


def settles(proxy: Proxy, counter: str) -> int:
    """Nothing moves any more: what this counter has come to."""
    before = -1
    while (now := proxy.counters()[counter]) != before:
        before = now
        time.sleep(0.4)
    return before


def until_it_blocks(sender: Peer, data: bytes) -> None:
    """Send `data` again and again, until nobody takes it."""
    sender.sock.settimeout(0.4)
    with contextlib.suppress(TimeoutError):
        while True:
            sender.sock.send(data)
    sender.sock.settimeout(PATIENCE)


def test_a_client_that_reads_nothing_is_let_go(lab: Lab) -> None:
    proxy = lab.proxy(write_timeout=1.2)
    client = proxy.client(receive_buffer=4096)
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    sender = pump(peer, b"HTTP/1.1 200 OK\r\n\r\n" + bytes(64 * MIB), 1)
    proxy.becomes(clients=0, exchanges=0, upstream_busy=0)
    sender.join()
    assert proxy.counters()["bytes_out"] < 32 * MIB


def test_a_client_that_reads_nothing_of_a_complete_answer_is_let_go(lab: Lab) -> None:
    """Its exchange is over and its deadline is that of an idle connection; closing politely would wait for ever."""
    proxy = lab.proxy(write_timeout=1.2, keepalive_timeout=1.2)
    for size in (5 * MIB, 5 * MIB + 30_000, 6 * MIB):  # near what the kernel takes: some of it stays with us
        client = proxy.client(receive_buffer=4096)
        client.send(GET)
        peer = lab.backends[0].accept()
        peer.request()
        pump(peer, ok(bytes(size)), 1).join(0.5)
    proxy.becomes(clients=0, exchanges=0, upstream_busy=0)


def test_nor_one_that_wanted_to_close(lab: Lab) -> None:
    proxy = lab.proxy(write_timeout=1.2)
    client = proxy.client(receive_buffer=4096)
    client.send(get(b"/", b"Connection: close\r\n"))
    peer = lab.backends[0].accept()
    peer.request()
    pump(peer, ok(bytes(3 * MIB)), 1).join(0.5)
    proxy.becomes(clients=0, exchanges=0, upstream_busy=0)


def test_nor_one_that_ends_its_request_meanwhile(lab: Lab) -> None:
    """An answer that began before the request's end: the end of the request does not lift the answer's deadline."""
    proxy = lab.proxy(write_timeout=1.5)
    client = proxy.client(receive_buffer=4096)
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    peer = lab.backends[0].accept()
    peer.request_head()
    sender = pump(peer, b"HTTP/1.1 200 OK\r\n\r\n" + bytes(64 * MIB), 1)
    settles(proxy, "bytes_out")
    client.send(b"x")
    proxy.becomes(clients=0, exchanges=0, upstream_busy=0)
    sender.join()


@pytest.mark.parametrize("kind", ["body", "tunnel"])
def test_nor_one_that_sends_more_than_is_taken(lab: Lab, kind: str) -> None:
    """Neither end takes what is ready for it, then the backend does: the client still does not."""
    proxy = lab.proxy(write_timeout=3.0)
    client = proxy.client(receive_buffer=4096)
    if kind == "body":
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (1024 * MIB))
    else:
        client.send(get(b"/", b"Connection: upgrade\r\nUpgrade: x\r\n"))
    peer = lab.backends[0].accept()
    peer.request_head()
    begin = b"200 OK\r\n\r\n" if kind == "body" else b"101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    until_it_blocks(peer, b"HTTP/1.1 " + begin + bytes(64 * MIB))
    until_it_blocks(client, bytes(MIB))
    peer.sock.settimeout(0.4)
    with contextlib.suppress(TimeoutError, ConnectionError):
        while peer.sock.recv(MIB):
            pass
    proxy.becomes(clients=0, exchanges=0, upstream_busy=0)


def test_a_slow_reader_is_not_a_slow_backend(lab: Lab) -> None:
    """The backend takes the end of the request only when its answer has begun: what is armed then is not the deadline for an
    answer's first byte."""
    proxy = lab.proxy(response_timeout=1.0)
    size = 1024 * MIB
    for attempt in range(2):  # the first one shows how much is taken before the backend reads
        before = proxy.counters()["bytes_in"]
        client = proxy.client(receive_buffer=4096)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
        client.send(head)
        peer = lab.backends[0].accept()
        peer.request_head()
        sender = pump(client, bytes(size if attempt else 32 * MIB), 1)
        took = settles(proxy, "bytes_in") - before - len(head)
        if attempt == 0:
            size = took
            peer.reset()
            client.rest()
            client.close()
            sender.join()
    length = 24 * MIB
    answering = pump(peer, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + bytes(length), 1)
    settles(proxy, "bytes_out")
    assert swallow(peer, size) == size
    time.sleep(2.0)
    client.until(b"\r\n\r\n")
    assert swallow(client, length) == length
    answering.join()
    sender.join()
    assert proxy.counters()["cut_answers"] == 0


@pytest.mark.parametrize("size", [64 * MIB, 6 * MIB])
def test_what_a_client_did_not_take_is_missing(lab: Lab, size: int) -> None:
    """HTTP/1.0: the end of the connection is the end of the answer, so that it must not end, also if the backend is done."""
    proxy = lab.proxy(write_timeout=1.2)
    client = proxy.client(receive_buffer=4096)
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    peer = lab.backends[0].accept()
    peer.request()
    sender = pump(peer, b"HTTP/1.1 200 OK\r\n\r\n" + bytes(size), 1)
    sender.join(0.5)
    if not sender.is_alive():
        peer.finish()
    proxy.becomes(clients=0)
    sender.join()
    assert client.is_reset() or len(client.buffer) > size


def test_nobody_orders_answers_that_are_not_taken(lab: Lab) -> None:
    """Pipelined requests that we answer ourselves: as soon as the client takes no more, it is read no more."""
    proxy = lab.proxy(None, write_timeout=1.0)
    client = proxy.client(receive_buffer=4096)
    sender = pump(client, get() * 1000, 2000)
    before = resident()
    proxy.becomes(clients=0)
    sender.join()
    counters = proxy.counters()
    assert counters["bytes_out"] < 16 * MIB
    assert resident() - before < 32 * MIB


def test_and_whoever_takes_them_gets_all_in_order(lab: Lab) -> None:
    proxy = lab.proxy(None)
    client = proxy.client(receive_buffer=4096)
    number = 20_000
    sender = pump(client, get() * 1000, number // 1000)
    time.sleep(0.3)
    for _ in range(number):
        line = client.until(b"\r\n\r\n")
        assert line.startswith(b"HTTP/1.1 503 ")
        assert client.exactly(24) == b"503 Service Unavailable\n"
    sender.join()
    assert client.is_silent(0.05)
    client.send(GET)
    assert client.answer().status == 503


def test_chunks_of_one_byte(lab: Lab) -> None:
    """CVE-2020-8659: memory does not grow with the number of chunks, in either direction."""
    proxy = lab.proxy()
    client = proxy.client()
    before = resident()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    sender = pump(client, b"1\r\nx\r\n" * 100, 1000)
    peer = lab.backends[0].accept()
    sender.join()
    client.send(b"0\r\n\r\n")
    chunks, payload = 0, 0
    peer.until(b"\r\n\r\n")
    while size := int(peer.until(b"\r\n"), 16):
        payload += len(peer.exactly(size + 2)) - 2
        chunks += 1
    peer.exactly(2)
    assert payload == 100_000
    assert chunks < 50_000
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    sender = pump(peer, b"1\r\nx\r\n" * 100, 1000)
    sender.join()
    peer.send(b"0\r\n\r\n")
    answer = client.answer()
    assert answer.body == b"x" * 100_000
    assert resident() - before < 32 * MIB


def test_cookies_without_end(lab: Lab) -> None:
    """CVE-2025-58186: thousands of cookies of the name cost no more than their length."""
    proxy = lab.proxy(max_line=65536, max_head=131072)
    client = proxy.client()
    begin = time.monotonic()
    for _ in range(20):
        client.send(get(b"/", b"Cookie: %b\r\n" % (b"s=;" * 20000)))
        if not lab.backends[0].peers:
            lab.backends[0].accept()
        peer = lab.backends[0].peers[0]
        assert peer.request().get(b"Cookie") is None
        peer.send(ok())
        assert client.answer().status == 200
    assert time.monotonic() - begin < 60
