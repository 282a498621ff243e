"""Heads as large as every limit allows, with all that the proxy adds to them: they are built in memory of a fixed size, and one
byte more than it holds is found by tools/asan. What would need more is refused before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from faststicky.model import BackendSpec, CookiePolicy
from relay.lab import Lab, ok, service, table

LINE, HEAD, ANSWER = 30_000, 200_000, 65_536  # bytes
UPGRADE = b"a" * (LINE - 100)


def filled(head: bytes, size: int) -> bytes:
    """`head`, which has no empty line yet, with more fields, so that it has `size` bytes with its empty line."""
    while left := size - len(head) - 2:
        take = min(left, 8000)
        take -= 5 if 0 < left - take < 5 else 0
        head += b"X: " + b"x" * (take - 5) + b"\r\n"
    return head + b"\r\n"


def fields(head: bytes, name: bytes) -> list[bytes]:
    return [line.partition(b": ")[2] for line in head.split(b"\r\n") if line.startswith(name + b": ")]


@pytest.mark.parametrize("form", ["absolute", "origin"])
def test_a_request(lab: Lab, form: str) -> None:
    """From a trusted proxy, to be upgraded, with cookies of which one is ours."""
    backend = lab.backend("b0")
    options = {"max_head": HEAD, "max_line": LINE, "via": "v" * 50_000, "trusted_proxies": ("127.0.0.1/8",)}
    client = lab.proxy(backend, **options).client()
    host = b"h" * (LINE - 30)
    start = b"GET %b/ HTTP/1.1\r\nHost: %b\r\n" % (b"http://" + host if form == "absolute" else b"", host)
    upgrade = b"Connection: upgrade\r\nUpgrade: %b\r\n" % UPGRADE
    lists = b"X-Forwarded-For:1.2.3.4\r\nVia:1.1 a\r\n" * 20
    cookies = b"Cookie:b=c\r\n" * 20 + b"Cookie:a=b;s=tb0.sb0\r\n"
    client.send(filled(start + upgrade + lists + cookies, HEAD))
    peer = backend.accept()
    got = peer.until(b"\r\n\r\n")
    assert fields(got, b"Host") == fields(got, b"X-Forwarded-Host") == [host]
    assert fields(got, b"Forwarded") == [b'for=127.0.0.1;proto=http;host="%b"' % host]
    assert fields(got, b"X-Forwarded-For") == [b"1.2.3.4, " * 20 + b"127.0.0.1"]
    assert fields(got, b"Via") == [b"1.1 a, " * 20 + b"1.1 " + b"v" * 50_000]
    assert fields(got, b"Upgrade") == [UPGRADE]
    assert (fields(got, b"Cookie"), got.count(b"Cookie:b=c\r\n")) == ([b"b=c"] * 20 + [b"a=b"], 0)
    peer.send(ok())
    assert client.answer().body == b"ok"


LONGEST = CookiePolicy(name="n" * 1024, path="/" + "p" * 1023, domain="d" * 253 + ".d" * 866, secure=True)


def test_an_answer(lab: Lab) -> None:
    backend = lab.backend("b0")
    spec = msgspec.structs.replace(backend.spec(), cookie_value="v" * 512)
    client = lab.proxy(table(service([spec], [], cookie=LONGEST))).client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    peer = backend.accept()
    peer.request()
    peer.send(filled(b"HTTP/1.1 200 OK\r\nContent-Length: 16384\r\n", ANSWER) + b"b" * 16384)
    got = client.until(b"\r\n\r\n")
    (cookie,) = fields(got, b"Set-Cookie")
    assert len(b"Set-Cookie: " + cookie + b"\r\n") == 4096 + 512
    assert cookie.startswith(b"n" * 1024 + b"=" + b"v" * 512 + b"; Path=/")
    assert client.exactly(16384) == b"b" * 16384


def test_an_upgrade(lab: Lab) -> None:
    backend = lab.backend("b0")
    client = lab.proxy(table(service([backend], cookie=LONGEST)), max_line=LINE, max_head=2 * LINE).client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: %b\r\n\r\n" % UPGRADE)
    peer = backend.accept()
    peer.until(b"\r\n\r\n")
    upgrade = b"Connection: upgrade\r\nUpgrade: %b\r\n" % UPGRADE
    peer.send(filled(b"HTTP/1.1 101 Switching Protocols\r\n" + upgrade, ANSWER) + b"hello")
    assert fields(client.until(b"\r\n\r\n"), b"Upgrade") == [UPGRADE]
    assert client.exactly(5) == b"hello"


@pytest.mark.parametrize(
    ("cookie", "change", "says"),
    [
        (msgspec.structs.replace(LONGEST, name="n" * 1025), lambda spec: spec, "take more than 4096 bytes"),
        (CookiePolicy(name="n", path="/" + "p" * 2_000_000), lambda spec: spec, "take more than 4096 bytes"),
        (None, lambda spec: msgspec.structs.replace(spec, host="h" * 256), "a host of more than 255 characters"),
        (None, lambda spec: msgspec.structs.replace(spec, cookie_value="v" * 513), "more than 512 bytes"),
    ],
)
def test_what_there_is_no_room_for_is_refused(
    lab: Lab, cookie: CookiePolicy | None, change: Callable[[BackendSpec], BackendSpec], says: str
) -> None:
    backend = lab.backend("b0")
    proxy = lab.proxy(backend)
    spec: Any = table(service([change(backend.spec())], cookie=cookie), generation=2)
    with pytest.raises(ValueError, match=says):
        proxy.publish(spec)
    assert proxy.relay.generation == 1
