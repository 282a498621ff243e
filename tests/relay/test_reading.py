"""Connections that are kept are read by the relay itself (core/relay/reading.pxi).

Each way in which a connection is read or ends is also tested with it from the first byte on, see conftest.READ_BY_BOTH.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator

import pytest

from relay.lab import GET, POST, Lab, Loop, Proxy, get, ok
from relay.peer import PATIENCE, Peer
from relay.threaded import Threaded, echo

MORE_THAN_KERNELS_TAKE = 16 << 20  # bytes; many reads


def kept(proxy: Proxy, lab: Lab, requests: int = 2) -> tuple[Peer, Peer]:
    """A client and its backend's connection after so many requests: after two both are adopted."""
    client = proxy.client()
    peer = None
    for _ in range(requests):
        client.send(GET)
        peer = peer or lab.backends[0].accept()
        peer.until(b"\r\n\r\n")
        peer.send(ok())
        assert client.answer().status == 200
    assert peer is not None
    proxy.becomes(adopted=2 if requests > 1 else 0, upstream_idle=1)
    return client, peer


@contextlib.contextmanager
def busy(loop: Loop) -> Iterator[None]:
    """The loop does something else meanwhile: what comes is read in one turn."""
    begun, over = threading.Event(), threading.Event()
    loop.loop.call_soon_threadsafe(lambda: (begun.set(), over.wait(PATIENCE)))
    assert begun.wait(PATIENCE)
    try:
        yield
    finally:
        over.set()


def test_after_two_requests(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.until(b"\r\n\r\n")
    peer.send(ok())
    assert client.answer().status == 200
    assert proxy.live()["adopted"] == 0
    client.close()
    peer.close()
    proxy.becomes(clients=0, upstream_idle=0)
    client, _ = kept(proxy, lab)
    client.close()
    proxy.becomes(clients=0, adopted=1)


def test_more_each_way_than_the_kernel_takes(lab: Lab) -> None:
    """What it does not take is kept, while the buffer is read into again: no two reads of this body are alike."""
    proxy = lab.proxy()
    client, peer = kept(proxy, lab)
    body = random.Random(1).randbytes(MORE_THAN_KERNELS_TAKE)
    sender = threading.Thread(
        target=client.send, args=(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),)
    )
    sender.start()
    peer.until(b"\r\n\r\n")
    time.sleep(0.3)  # nobody reads
    assert peer.exactly(len(body)) == body
    sender.join()
    answering = threading.Thread(target=peer.send, args=(ok(body),))
    answering.start()
    time.sleep(0.3)
    assert client.answer().body == body
    answering.join()


def test_a_request_and_the_end_in_one(lab: Lab) -> None:
    """What has come before the end is read before the end is seen."""
    proxy = lab.proxy(half_close_grace=5)
    client, peer = kept(proxy, lab)
    client.send(GET)
    client.finish()
    peer.until(b"\r\n\r\n")
    peer.send(ok(b"last"))
    assert client.answer().body == b"last"
    assert client.rest() == b""
    proxy.becomes(clients=0)


def test_an_answer_and_the_end_in_one(lab: Lab) -> None:
    proxy = lab.proxy()
    client, peer = kept(proxy, lab)
    client.send(GET)
    peer.until(b"\r\n\r\n")
    peer.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
    peer.close()
    assert client.answer().body == b"until the end"
    proxy.becomes(clients=1, upstream_idle=0, adopted=1)


@pytest.mark.parametrize("how", ["close", "reset", "speak"])
def test_an_idle_backend_connection_is_watched(lab: Lab, how: str) -> None:
    """RFC 9112, 9.2 and 9.3: gone, or not to be used any more."""
    proxy = lab.proxy()
    client, peer = kept(proxy, lab)
    if how == "speak":
        peer.send(ok(b"to nobody"))
    else:
        getattr(peer, how)()
    proxy.becomes(upstream_idle=0, adopted=1)
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.until(b"\r\n\r\n")
    peer.send(ok(b"asked for"))
    assert client.answer().body == b"asked for"


@pytest.mark.parametrize("requests", [1, 2])  # read by uvloop, by the relay
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_backend_connection_that_has_ended_is_not_used_in_the_same_turn(
    lab: Lab, loop: Loop, how: str, requests: int
) -> None:
    """Its end and a request that could not be repeated are read in one turn of the loop, the end first."""
    proxy = lab.proxy()
    client, peer = kept(proxy, lab, requests)
    with busy(loop):
        getattr(peer, how)()
        client.send(POST)
    peer = lab.backends[0].accept()
    assert peer.request().body == b"hello"
    peer.send(ok(b"asked for"))
    assert client.answer().body == b"asked for"


def test_a_backend_connection_that_ends_with_an_answer_is_not_used_for_the_request_behind_it(
    lab: Lab, loop: Loop
) -> None:
    proxy = lab.proxy()
    client, peer = kept(proxy, lab)
    client.send(GET + POST)
    peer.until(b"\r\n\r\n")
    with busy(loop):
        peer.send(ok(b"first"))
        peer.close()
    assert client.answer().body == b"first"
    peer = lab.backends[0].accept()
    assert peer.request().body == b"hello"
    peer.send(ok(b"second"))
    assert client.answer().body == b"second"


def test_a_reset_while_an_answer_comes(lab: Lab) -> None:
    proxy = lab.proxy()
    client, peer = kept(proxy, lab)
    client.send(GET)
    peer.until(b"\r\n\r\n")
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    client.until(b"half")
    peer.reset()
    assert client.rest() == b""
    assert proxy.reasons("upstream-failed") == ["closed-early"]


def test_places_are_used_again(lab: Lab) -> None:
    """A connection that takes another one's place among the deadlines does not get that one's bytes or end."""
    proxy = lab.proxy(lab.backend())
    backend = Threaded(lab.backends[0], echo)
    wrong = []

    def come_and_go(number: int) -> None:
        for turn in range(40):
            with proxy.client() as client:
                for count in range(4):
                    target = b"/%d/%d/%d" % (number, turn, count)
                    client.send(get(target))
                    answer = client.answer()
                    if answer.body != target + b" ":
                        wrong.append(answer.raw)
                if turn % 2:
                    client.send(GET)
                    client.reset()

    threads = [threading.Thread(target=come_and_go, args=(each,)) for each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    proxy.becomes(clients=0, exchanges=0, upstream_busy=0)
    assert set(backend.targets) > {b"/0/0/0"}


def test_a_relay_ends_with_adopted_connections(lab: Lab) -> None:
    proxy = lab.proxy()
    client, peer = kept(proxy, lab)
    lab.call(proxy.relay.close)
    assert client.is_reset() or client.ended
    assert peer.is_reset() or peer.ended
    proxy.becomes(clients=0, adopted=0)
