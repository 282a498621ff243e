"""The harness itself: what it says about a relay that does nothing special."""

from __future__ import annotations

from relay.lab import GET, Lab, ok


def test_one_exchange(lab: Lab) -> None:
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    assert peer.request().start == b"GET / HTTP/1.1"
    peer.send(ok())
    assert client.answer().body == b"ok"
    proxy.becomes(clients=1, upstream_idle=1, upstream_busy=0, exchanges=0)
