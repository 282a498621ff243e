"""A proxy before two backends, for tests in which the first one fails."""

from __future__ import annotations

from relay.lab import GET, Backend, Lab, Proxy, ok
from relay.peer import Peer

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


def pair(lab: Lab, **options: object) -> tuple[Proxy, Peer, Backend, Backend]:
    """A proxy before two backends, a client whose cookie leads to the first of them."""
    first, second = lab.backend("b0"), lab.backend("b1")
    proxy = lab.proxy(first, second, **options)
    return proxy, proxy.client(), first, second


def stuck(request: bytes = GET) -> bytes:
    """The request with the first backend's cookie."""
    return request.replace(b"\r\n\r\n", b"\r\nCookie: s=tb0.sb0\r\n\r\n", 1)


def keep_one(proxy: Proxy, client: Peer, backend: Backend) -> Peer:
    """An exchange, so that a connection to the backend is kept."""
    client.send(stuck())
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().body == b"ok"
    proxy.becomes(upstream_idle=1)
    return peer
