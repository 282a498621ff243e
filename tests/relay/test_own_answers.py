"""Answers that no backend gave: exactly one, complete, without a body for HEAD, and silent about the request."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from relay.lab import Lab, Proxy, route, service, table

MARK = b"SeCrEt-<script>"


def no_route(lab: Lab) -> Proxy:
    return lab.proxy(table(service([lab.backend()]), routes=[route("web", 1, ("host", "nowhere"))]))


def no_backend(lab: Lab) -> Proxy:
    return lab.proxy(table(service([lab.backend().spec("down")])))


def no_table(lab: Lab) -> Proxy:
    return lab.proxy(None)


def refused(lab: Lab) -> Proxy:
    backend = lab.backend()
    proxy = lab.proxy(backend)
    backend.refuse()
    return proxy


def looping(lab: Lab) -> Proxy:
    return lab.proxy(via="fs")


WAYS: dict[str, tuple[Callable[[Lab], Proxy], bytes, int]] = {
    "no route": (no_route, b"", 404),
    "no backend": (no_backend, b"", 503),
    "no table": (no_table, b"", 503),
    "refused": (refused, b"", 502),
    "loop": (looping, b"Via: 1.1 fs\r\n", 508),
}


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"x"])
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_of_our_own(lab: Lab, way: str, method: bytes) -> None:
    make, more, status = WAYS[way]
    proxy = make(lab)
    client = proxy.client()
    client.send(b"%b /%b HTTP/1.1\r\nHost: a\r\nX: %b\r\nCookie: %b\r\n%b\r\n" % (method, MARK, MARK, MARK, more))
    answer = client.answer(method)
    assert answer.status == status
    length = answer.get(b"Content-Length")
    assert length is not None
    assert len(answer.body) == (0 if method == b"HEAD" else int(length))
    assert answer.get(b"Date")
    assert answer.get(b"Cache-Control") == b"no-store"
    assert answer.get(b"Retry-After") == (b"1" if status == 503 else None)
    assert MARK.lower() not in answer.raw.lower()
    assert answer.get(b"Set-Cookie") is None
    if status == 508:
        assert client.rest() == b""
    else:
        assert not answer.closes
        assert client.is_silent(0.02)
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n%bConnection: close\r\n\r\n" % more)
        assert client.answer().closes
        assert client.rest() == b""
    counters = proxy.counters()
    assert counters["own_answers"] == (1 if status == 508 else 2)


@pytest.mark.parametrize("way", WAYS)
def test_with_a_body_that_nobody_reads_the_connection_ends(lab: Lab, way: str) -> None:
    make, more, status = WAYS[way]
    client = make(lab).client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\n%bContent-Length: 500\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" % more)
    answer = client.answer()
    assert (answer.status, answer.closes) == (status, True)
    assert client.rest() == b""


def test_to_http_1_0(lab: Lab) -> None:
    client = no_route(lab).client()
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    answer = client.answer()
    assert (answer.status, answer.closes) == (404, True)
    assert client.rest() == b""


def test_events_tell_why_and_for_whom(lab: Lab) -> None:
    proxy = no_backend(lab)
    client = proxy.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.answer().status == 503
    assert proxy.reasons("answered") == ["no-backend"]
    event = next(event for event in proxy.events if event["event"] == "answered")
    assert (event["status"], event["service"], event["client"]) == (503, "web", "127.0.0.1")
