"""The end of a worker: what it tells its clients, and who may finish."""

from __future__ import annotations

from relay.lab import GET, POST, Lab, get, ok


def test_draining(lab: Lab) -> None:
    """Answers say that they are the last, idle connections have two more seconds, exchanges finish."""
    proxy = lab.proxy()
    idle, late, busy = proxy.client(), proxy.client(), proxy.client()
    busy.send(POST)
    peer = lab.backends[0].accept()
    peer.request()
    proxy.becomes(clients=3)
    proxy.drain()
    late.send(get(b"/late"))
    other = lab.backends[0].accept()
    other.request()
    other.send(ok())
    assert late.answer().closes
    assert late.rest() == b""
    assert idle.rest() == b""
    peer.send(ok())
    assert busy.answer().closes
    proxy.becomes(clients=0)


def test_draining_while_an_answer_is_under_way(lab: Lab) -> None:
    """Its head went out before: the connection may stay, and so has the two seconds of an idle one."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(GET)
    peer = lab.backends[0].accept()
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
    client.until(b"\r\n\r\n")
    proxy.drain()
    peer.send(b"ok")
    assert client.exactly(4) == b"okok"
    proxy.becomes(clients=0)  # before the minute of an idle connection is over
