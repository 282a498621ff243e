"""Every case of cases/*.txt: whole, byte by byte in both directions, and with another request behind it."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest

from faststicky.model import CookiePolicy
from relay.cases import Case, read_cases
from relay.lab import Lab, Proxy, get, ok, service, table
from relay.peer import Message, Peer
from twin import h1

CASES = list(read_cases())
FOLLOWING = get(b"/following")


def proxy_for(lab: Lab, case: Case) -> Proxy:
    backend = lab.backend("b0")
    settings: dict[str, Any] = {key: True if value == "yes" else value for key, value in case.service.items()}
    plain = settings.pop("plain", False)
    pass_host = settings.pop("own_host", False) is False
    if "max_age" in settings:
        settings["max_age"] = int(settings["max_age"])
    if settings.get("secure") == "no":
        settings["secure"] = False
    for key in ("http_only",):
        if key in settings:
            settings[key] = settings[key] is True
    if settings.get("same_site") == "none-at-all":
        settings["same_site"] = ""
    cookie = None if plain else CookiePolicy(**{"name": "s", **settings})
    spec = table(service([backend], cookie=cookie, pass_host_header=pass_host))
    return lab.proxy(spec, **case.options)  # type: ignore[arg-type]


def decoded(data: bytes, parse: Any) -> bytes:
    """A message with its chunked body, if it has one, as a single chunk: however it was cut, this is what it says."""
    out = b""
    while data:
        found = parse(data)
        if found is None:
            return out + data
        out, data = out + data[: found["length"]], data[found["length"] :]
        if found["framing"] != "chunked":
            if found.get("status", 200) >= 200:
                return out + data
            continue
        body = h1.ChunkedBody()
        payload, used = body.feed(data)
        ending = b"\r\n0\r\n\r\n" if payload else b"0\r\n\r\n"
        out += (b"%x\r\n%b" % (len(payload), payload) if payload else b"") + (ending if body.done else b"")
        data = data[used:]
    return out


def serve(lab: Lab, case: Case, bytewise: bool, got: list[bytes]) -> None:
    """The backend's part: note the request, answer."""
    peer = lab.backends[0].accept()
    got.append(peer.request().raw)
    answer = case.data("answer")
    with contextlib.suppress(ConnectionError):
        (peer.send_bytewise if bytewise else peer.send)(answer)
    if case.answer_ends:
        peer.close()


def play(lab: Lab, case: Case, bytewise: bool = False, behind: bytes = b"") -> tuple[Proxy, Peer, bytes, bytes]:
    """The case's exchange: proxy, client, what went up, what came down."""
    proxy = proxy_for(lab, case)
    client = proxy.client()
    got: list[bytes] = []
    server = threading.Thread(target=serve, args=(lab, case, bytewise, got))
    if "up" in case.parts:
        server.start()
    request = case.data("request")
    (client.send_bytewise if bytewise else client.send)(request + behind)
    word = request.lstrip(b"\r\n").partition(b" ")[0]
    try:
        if case.parts["down"]:
            answer: Message | None = client.answer(word)
        else:
            answer = None
            assert client.rest() == b""
    finally:
        if "up" in case.parts:
            server.join()
    down = b"".join(each.raw for each in [*answer.interim, answer]) if answer else b""
    return proxy, client, got[0] if got else b"", down


def check(case: Case, proxy: Proxy, up: bytes, down: bytes, exact: bool) -> None:
    method = case.data("request").lstrip(b"\r\n").partition(b" ")[0]
    if not exact:
        up = decoded(up, h1.request_head)
        down = decoded(down, lambda data: h1.response_head(data, method))
    if "up" in case.parts:
        assert case.pattern("up", proxy.port).fullmatch(up), up
    assert case.pattern("down", proxy.port).fullmatch(down), down


def check_end(case: Case, client: Peer) -> None:
    if case.closed:
        assert client.rest() == b""
    else:
        assert client.is_silent(0.02)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.where)
def test_whole(lab: Lab, case: Case) -> None:
    proxy, client, up, down = play(lab, case)
    check(case, proxy, up, down, exact=True)
    check_end(case, client)
    if "up" not in case.parts:
        assert not proxy.counters()["connects"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.where)
def test_byte_by_byte(lab: Lab, case: Case) -> None:
    proxy, client, up, down = play(lab, case, bytewise=True)
    check(case, proxy, up, down, exact=False)
    check_end(case, client)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.where)
def test_with_a_request_behind_it(lab: Lab, case: Case) -> None:
    """What is behind a request is the next one, or nothing at all if the connection closes."""
    proxy, client, up, down = play(lab, case, behind=FOLLOWING)
    check(case, proxy, up, down, exact=True)
    if case.closed:
        assert client.rest() == b""
        assert proxy.counters()["connects"] == ("up" in case.parts)
        return
    backend = lab.backends[0]
    peer = backend.peers[0] if backend.peers and not case.answer_ends and proxy.counters()["connects"] == 1 else None
    if peer is None or proxy.live()["upstream_busy"] == 0:
        peer = backend.accept()
    assert peer.request().start == b"GET /following HTTP/1.1"
    peer.send(ok(b"following"))
    assert client.answer().body == b"following"


def test_every_request_has_an_id_of_its_own(lab: Lab) -> None:
    """Sixteen digits of the worker, sixteen that count."""
    proxy = lab.proxy()
    client = proxy.client()
    ids = []
    peer = None
    for _ in range(40):
        client.send(get())
        peer = peer or lab.backends[0].accept()
        ids.append(peer.request().get(b"X-Request-ID") or b"")
        peer.send(ok())
        client.answer()
    assert len({each[:16] for each in ids}) == 1
    first = int(ids[0], 16)
    assert [int(each, 16) for each in ids] == list(range(first, first + 40))
