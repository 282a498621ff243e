"""Bodies that go through as they are, piece by piece: nothing is lost at their ends, and nothing behind them is taken for them."""

from __future__ import annotations

from relay.lab import GET, Lab, Proxy, ok
from relay.peer import Peer

HEAD = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 9\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"


def begun(lab: Lab, request: bytes = GET) -> tuple[Proxy, Peer, Peer]:
    """A proxy, a client, and the backend's connection, which has the request's head."""
    proxy = lab.proxy()
    client = proxy.client()
    client.send(request)
    backend = lab.backends[0].accept()
    backend.until(b"\r\n\r\n")
    return proxy, client, backend


def test_an_answer_of_a_known_length(lab: Lab) -> None:
    proxy, client, backend = begun(lab)
    backend.send(HEAD)
    assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")
    for piece in (b"abcd", b"efgh", b"i"):
        backend.send(piece)
        assert client.exactly(len(piece)) == piece
    proxy.becomes(upstream_idle=1)
    client.send(GET)
    backend.request()
    backend.send(ok())
    assert client.answer().body == b"ok"


def test_bytes_behind_an_answer_are_nobodys(lab: Lab) -> None:
    """RFC 9112, 6.3: they end the connection, and neither this client nor the next one sees them."""
    _, client, backend = begun(lab)
    backend.send(HEAD)
    client.until(b"\r\n\r\n")
    backend.send(b"abcd")
    assert client.exactly(4) == b"abcd"
    backend.send(b"efghi" + ok(b"smuggled"))
    assert client.exactly(5) == b"efghi"
    assert backend.rest() == b""
    client.send(GET)
    other = lab.backends[0].accept()
    other.request()
    other.send(ok())
    assert client.answer().body == b"ok"


def test_an_answer_that_ends_with_its_connection_for_a_client_of_1_0(lab: Lab) -> None:
    _, client, backend = begun(lab, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    backend.send(b"HTTP/1.1 200 OK\r\n\r\n")
    client.until(b"\r\n\r\n")
    for piece in (b"a" * 1000, b"b"):
        backend.send(piece)
        assert client.exactly(len(piece)) == piece
    backend.close()
    assert client.rest() == b""


def test_an_upload_and_the_request_behind_it(lab: Lab) -> None:
    proxy, client, backend = begun(lab, UPLOAD)
    for piece in (b"abcd", b"efgh"):
        client.send(piece)
        assert backend.exactly(len(piece)) == piece
    client.send(b"i" + GET)
    assert backend.exactly(1) == b"i"
    backend.send(ok(b"first"))
    assert client.answer().body == b"first"
    assert backend.request().start == b"GET / HTTP/1.1"
    backend.send(ok(b"second"))
    assert client.answer().body == b"second"
    proxy.becomes(upstream_idle=1)


def test_an_upload_whose_backend_leaves(lab: Lab) -> None:
    """What was sent is not sent again, the client is told."""
    proxy, client, backend = begun(lab, UPLOAD)
    client.send(b"abcd")
    assert backend.exactly(4) == b"abcd"
    backend.reset()
    assert client.answer().status == 502
    proxy.becomes(exchanges=0)
