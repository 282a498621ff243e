"""Upgraded connections (RFC 9110, 7.8): nothing is a tunnel before the backend's 101, everything is one after it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from faststicky.model import BackendSpec
from relay.lab import GET, Lab, Proxy, get, ok, service, table
from relay.peer import PATIENCE, Message, Peer

UPGRADE = b"GET /t HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: foo/1, bar\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %b\r\n\r\n"


def opened(lab: Lab, more: bytes = b"", **options: object) -> tuple[Proxy, Peer, Peer]:
    """A tunnel: the proxy and both ends."""
    proxy = lab.proxy(*lab.backends, **options)
    client = proxy.client()
    client.send(UPGRADE)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(SWITCH % b"bar" + more)
    assert client.answer().status == 101
    return proxy, client, peer


def handshake(
    lab: Lab, answer: bytes, request: bytes = UPGRADE, behind: bytes = b""
) -> tuple[Proxy, Peer, Peer, Message]:
    """What the backend gets, with `answer` sent."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(request + behind)
    peer = lab.backends[0].accept()
    message = peer.request()
    peer.send(answer)
    return proxy, client, peer, message


def test_fields_of_a_handshake(lab: Lab) -> None:
    answer = SWITCH % b"FOO/1" + b""
    answer = answer.replace(b"\r\n\r\n", b"\r\nKeep-Alive: x\r\nX-1: 1\r\nContent-Length: 5\r\n\r\n")
    _, client, _, request = handshake(lab, answer)
    assert request.get(b"Upgrade") == b"foo/1, bar"
    assert request.get(b"Connection") == b"upgrade"
    got = client.answer()
    assert got.get(b"Connection") == b"upgrade"
    assert got.get(b"Upgrade") == b"FOO/1"
    assert got.get(b"X-1") == b"1"
    assert got.get(b"Set-Cookie") is not None
    assert got.get(b"Keep-Alive") is None
    assert got.get(b"Content-Length") is None


def test_bytes_go_through_in_both_directions(lab: Lab) -> None:
    proxy, client, peer = opened(lab, b"early")
    assert client.exactly(5) == b"early"
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n\x00")
    assert client.exactly(20) == b"HTTP/1.1 200 OK\r\n\r\n\x00"
    client.send(GET)
    assert peer.exactly(len(GET)) == GET
    assert proxy.live()["exchanges"] == 1


def test_bytes_before_the_101_are_held_back(lab: Lab) -> None:
    """CVE-2026-2833: until the backend has agreed, they are a pipelined request."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(UPGRADE + b"\x81\x00hello")
    peer = lab.backends[0].accept()
    peer.request()
    assert peer.is_silent()
    peer.send(SWITCH % b"foo/1")
    assert client.answer().status == 101
    assert peer.exactly(7) == b"\x81\x00hello"
    client.send(b"more")
    assert peer.exactly(4) == b"more"


@pytest.mark.parametrize("status", [b"200 OK", b"204 No Content", b"403 Forbidden", b"426 Upgrade Required"])
def test_any_other_answer_leaves_it_http(lab: Lab, status: bytes) -> None:
    """CVE-2024-23326: a tunnel only after 101."""
    length = b"" if status.startswith(b"204") else b"Content-Length: 2\r\n"
    answer = b"HTTP/1.1 %b\r\nUpgrade: foo/1\r\nConnection: upgrade\r\n%b\r\n" % (status, length) + (length and b"no")
    _, client, peer, _ = handshake(lab, answer, behind=get(b"/next"))
    got = client.answer()
    assert (got.status, got.get(b"Upgrade")) == (int(status[:3]), None)
    assert peer.request().start == b"GET /next HTTP/1.1"
    peer.send(ok())
    assert client.answer().body == b"ok"


@pytest.mark.parametrize("named", [b"baz", b"foo", b"foo/1, baz", b"", b"h2c"])
def test_a_101_for_what_nobody_asked_is_502(lab: Lab, named: bytes) -> None:
    _, client, peer, _ = handshake(lab, SWITCH % named + b"evil")
    got = client.answer()
    assert (got.status, got.body) == (502, b"502 Bad Gateway\n")
    assert client.is_silent(0.05)
    assert peer.rest() == b""


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Upgrade: foo\r\n",
        b"Connection: upgrade\r\n",
        b"Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        b"Connection: upgrade\r\nUpgrade: foo, h2c\r\n",
        b"Connection: upgrade\r\nUpgrade: foo\r\nUpgrade: bar\r\n",
        b"Connection: upgrade\r\nUpgrade: foo\r\nContent-Length: 2\r\n",
    ],
)
def test_no_upgrade_is_asked_for(lab: Lab, fields: bytes) -> None:
    """RFC 9110, section 7.8: only with the connection option; h2c never; not together with a body."""
    body = b"hi" if b"Content-Length" in fields else b""
    request = b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n" % fields + body
    _, client, _, message = handshake(lab, SWITCH % b"foo", request)
    assert message.get(b"Upgrade") is None
    assert message.get(b"Connection") is None
    assert message.get(b"HTTP2-Settings") is None
    assert client.answer().status == 502


def test_none_from_http_1_0(lab: Lab) -> None:
    _, client, _, message = handshake(lab, SWITCH % b"foo/1", UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert message.get(b"Upgrade") is None
    assert client.answer().status == 502


def test_the_client_closes_its_side_first(lab: Lab) -> None:
    proxy, client, peer = opened(lab)
    client.send(b"last words")
    client.finish()
    assert peer.rest() == b"last words"
    peer.send(b"answer")
    peer.close()
    assert client.rest() == b"answer"
    proxy.becomes(clients=0, upstream_busy=0, exchanges=0)
    assert proxy.counters()["upstream_errors"] == 0


def test_the_backend_closes_its_side_first(lab: Lab) -> None:
    proxy, client, peer = opened(lab)
    peer.send(b"last words")
    peer.finish()
    assert client.rest() == b"last words"
    client.send(b"answer")
    client.close()
    assert peer.rest() == b"answer"
    proxy.becomes(clients=0, upstream_busy=0, exchanges=0)
    assert proxy.counters()["upstream_errors"] == 0


@pytest.mark.parametrize("size", [8_000_000])
def test_what_was_sent_before_an_end_arrives(lab: Lab, size: int) -> None:
    """The client has closed its side and reads slowly; the backend has sent all, and closes."""
    _, client, peer = opened(lab)
    client.finish()
    assert peer.rest() == b""
    peer.send(b"x" * size)
    peer.close()
    time.sleep(0.2)
    assert len(client.rest()) == size


def test_a_reset_is_passed_on(lab: Lab) -> None:
    proxy, client, peer = opened(lab)
    peer.reset()
    assert client.is_reset()
    proxy.becomes(clients=0, upstream_busy=0)


def test_a_clients_reset_is_passed_on(lab: Lab) -> None:
    proxy, client, peer = opened(lab)
    client.send(b"half of a mess")
    assert peer.exactly(14) == b"half of a mess"
    client.reset()
    assert peer.is_reset()
    proxy.becomes(clients=0, upstream_busy=0)


def test_a_client_that_is_gone_ends_it(lab: Lab) -> None:
    proxy, client, peer = opened(lab)
    client.close()
    assert peer.rest() == b""
    peer.close()
    proxy.becomes(clients=0, upstream_busy=0)


def test_a_backend_that_takes_the_last_bytes_slowly_gets_them(lab: Lab) -> None:
    """Both have closed their sides. What the kernel does not take is with the proxy for longer than the write time-out, which is
    for backends that take nothing."""
    lab.backend("b0").listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    proxy, client, peer = opened(lab, write_timeout=2.0)
    peer.finish()
    assert client.sock.recv(1) == b""
    before = proxy.counters()["bytes_in"]
    client.sock.settimeout(0.3)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while True:
            sent += client.sock.send(b"x" * 65536)
    client.close()
    got = 0
    while proxy.counters()["bytes_in"] - before < sent:
        got += len(peer.sock.recv(65536))
    end = time.monotonic() + 5.0
    while time.monotonic() < end:
        got += len(peer.sock.recv(4096))
        time.sleep(0.02)
    while data := peer.sock.recv(1 << 18):
        got += len(data)
    assert got == sent
    proxy.becomes(clients=0, upstream_busy=0)


def test_a_silent_tunnel_ends(lab: Lab) -> None:
    proxy, client, peer = opened(lab, tunnel_timeout=1.5)
    for _ in range(4):
        time.sleep(0.5)
        (peer if _ % 2 else client).send(b"x")
    assert peer.rest() == b"xx"
    assert client.rest() == b"xx"
    proxy.becomes(clients=0, upstream_busy=0, exchanges=0)
    assert proxy.events == []  # it is nobody's fault
    assert proxy.counters()["upstream_errors"] == proxy.counters()["cut_answers"] == 0


def test_other_deadlines_do_not_count_in_a_tunnel(lab: Lab) -> None:
    _, client, peer = opened(lab, idle_timeout=0.8, response_timeout=0.8, keepalive_timeout=0.8, head_timeout=0.8)
    time.sleep(2.0)
    client.send(b"x")
    assert peer.exactly(1) == b"x"
    peer.send(b"y")
    assert client.exactly(1) == b"y"


@pytest.mark.parametrize("upwards", [True, False])
def test_whoever_does_not_read_stops_the_other(lab: Lab, upwards: bool) -> None:
    proxy, client, peer = opened(lab, write_timeout=1.5)
    sender, receiver = (client, peer) if upwards else (peer, client)
    sender.sock.settimeout(0.3)
    sent = 0
    try:
        for _ in range(1000):
            sent += sender.sock.send(b"x" * 65536)
    except TimeoutError:
        pass
    assert sent < 40_000_000
    sender.sock.settimeout(PATIENCE)
    proxy.becomes(clients=0, upstream_busy=0)
    receiver.close()


# ---------------------------------------------------------------- WebSocket


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def talk(lab: Lab, coroutine: object) -> object:
    """Run `coroutine(port of a WebSocket echo server's proxy)` in an event loop of this thread."""

    async def run() -> object:
        async with serve(echo, "127.0.0.1", 0, max_size=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            spec = BackendSpec(
                id="b0", name="b0", host="127.0.0.1", port=port, weight=1, state="up", cookie_value="tb0.sb0"
            )
            proxy = lab.proxy(table(service([spec])))
            return await coroutine(proxy)  # type: ignore[operator]

    return asyncio.run(run())


def test_websocket(lab: Lab) -> None:
    async def client(proxy: Proxy) -> None:
        async with connect(f"ws://127.0.0.1:{proxy.port}/", max_size=None, proxy=None) as socket:
            assert socket.response is not None
            assert socket.response.headers["Set-Cookie"].startswith("s=tb0.sb0;")
            for size in (0, 1, 125, 126, 65535, 65536, 5_000_000):
                message = bytes(size)
                await socket.send(message)
                assert await socket.recv() == message
            await socket.send("text")
            assert await socket.recv() == "text"
        assert socket.close_code == 1000
        await asyncio.sleep(0)
        assert proxy.counters()["upstream_errors"] == 0

    talk(lab, client)


def test_websocket_with_a_cookie(lab: Lab) -> None:
    async def client(proxy: Proxy) -> None:
        headers = {"Cookie": "s=tb0.sb0"}
        async with connect(f"ws://127.0.0.1:{proxy.port}/", additional_headers=headers, proxy=None) as socket:
            assert socket.response is not None
            assert "Set-Cookie" not in socket.response.headers
            many = [f"message {number}" for number in range(500)]
            for message in many:
                await socket.send(message)
            assert [await socket.recv() for _ in many] == many
        assert proxy.counters()["sticky_hit"] == 1

    talk(lab, client)


def test_a_client_that_has_sent_its_last_byte_before_the_101(lab: Lab) -> None:
    """The backend is told as soon as there is a tunnel, and may still answer."""
    proxy = lab.proxy(half_close_grace=10.0)
    client = proxy.client()
    client.send(UPGRADE + b"bye")
    client.finish()
    peer = lab.backends[0].accept()
    peer.request()
    proxy.becomes(exchanges=1)
    time.sleep(0.1)
    peer.send(SWITCH % b"foo/1")
    assert peer.rest() == b"bye"
    peer.send(b"farewell")
    peer.close()
    client.answer()
    assert client.rest() == b"farewell"


# ---------------------------------------------------------------- nearly tunnels


def test_events_are_not_buffered(lab: Lab) -> None:
    """Server-sent events: each reaches the client when it is sent."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(get(b"/events", b"Accept: text/event-stream\r\n"))
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    client.until(b"\r\n\r\n")
    for number in range(5):
        event = b"data: %d\n\n" % number
        peer.send(event)
        assert client.until(b"\n\n\r\n") == b"%x\r\n%b\r\n" % (len(event), event)


def test_long_polling(lab: Lab) -> None:
    proxy = lab.proxy(idle_timeout=0.8, keepalive_timeout=0.8, head_timeout=0.8)
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    time.sleep(2.0)
    peer.send(ok(b"news"))
    assert client.answer().body == b"news"
