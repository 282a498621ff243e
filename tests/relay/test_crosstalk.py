"""Nothing that a client or a backend sends ever reaches another client (RFC 9112, section 11).

An attacker replays everything that must be refused, with another request behind it, while others check that each
answer is the one to their own request.
"""

from __future__ import annotations

import threading

from relay.lab import Lab, Proxy, get, ok
from relay.threaded import Threaded, echo
from wire.cases import read_cases

SMUGGLED = get(b"/smuggled")
REQUESTS = [case for case in read_cases() if case.kind == "request" and case.refused and not case.options]
BODIES = [case for case in read_cases() if case.kind == "chunked" and case.refused and not case.options]
ANSWERS = [case for case in read_cases() if case.kind == "response" and case.refused and not case.options]
LATE = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


class Victims:
    """Clients that ask for their own token, over and over."""

    def __init__(self, proxy: Proxy, number: int = 3) -> None:
        self._proxy = proxy
        self._stop = threading.Event()
        self.wrong: list[bytes] = []
        self.asked = 0
        self._threads = [threading.Thread(target=self._ask, args=(each,)) for each in range(number)]

    def __enter__(self) -> Victims:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        with self._proxy.client() as client:
            count = 0
            while not self._stop.is_set():
                token = b"/victim/%d/%d" % (number, count)
                try:
                    if count % 3:
                        client.send(get(token))
                        expected = token + b" "
                    else:
                        client.send(b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody" % token)
                        expected = token + b" body"
                    answer = client.answer()
                except (AssertionError, OSError) as error:
                    self.wrong.append(repr(error).encode())
                    return
                if (answer.status, answer.body) != (200, expected):
                    self.wrong.append(answer.raw)
                    return
                count += 1
                self.asked += 1


def test_refused_requests(lab: Lab) -> None:
    assert len(REQUESTS) > 400
    proxy = lab.proxy(lab.backend())
    backend = Threaded(lab.backends[0])
    failures = []
    with Victims(proxy) as victims:
        for case in REQUESTS:
            with proxy.client() as client:
                client.send(case.data + SMUGGLED)
                answer = client.answer()
                assert case.refused is not None
                if answer.status != case.refused[0] or client.rest():
                    failures.append((case.where, answer.raw))
    assert not failures
    assert not victims.wrong
    assert victims.asked
    lab.call(proxy.relay.close)
    backend.stop()
    assert all(target.startswith(b"/victim/") for target in backend.targets)


def test_refused_bodies(lab: Lab) -> None:
    """The backend sees the beginning of such a request; it never sees it complete, nor what is behind it."""
    assert len(BODIES) > 50
    proxy = lab.proxy(lab.backend())
    backend = Threaded(lab.backends[0])
    answers = []
    with Victims(proxy) as victims:
        for case in BODIES:
            with proxy.client() as client:
                client.send(b"POST /attack HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                client.send(case.data + SMUGGLED)
                answers.append((case, client.answer(), client.rest()))
    assert not victims.wrong
    for case, answer, rest in answers:
        assert case.refused is not None
        assert (answer.status, rest) == (case.refused[0], b""), case.where
    lab.call(proxy.relay.close)
    backend.stop()
    assert b"/smuggled" not in backend.targets


def test_refused_answers(lab: Lab) -> None:
    """A backend that answers nonsense, with a sound answer behind it for whoever asks next."""
    assert len(ANSWERS) > 60

    def answer(target: bytes, body: bytes) -> bytes | None:
        if target.startswith(b"/attack/"):
            return ANSWERS[int(target[8:])].data + LATE
        return echo(target, body)

    proxy = lab.proxy(lab.backend())
    backend = Threaded(lab.backends[0], answer)
    with Victims(proxy) as victims, proxy.client() as client:
        for number, case in enumerate(ANSWERS):
            method = case.options.get("method", "GET").encode()
            client.send(b"%b /attack/%d HTTP/1.1\r\nHost: a\r\n\r\n" % (method, number))
            got = client.answer(method)
            assert got.status == 502, case.where
            assert b"poison" not in got.raw
    assert not victims.wrong
    lab.call(proxy.relay.close)
    backend.stop()


def test_surplus_answers(lab: Lab) -> None:
    """Response queue poisoning: whatever follows a complete answer is never the answer to the next request."""
    surplus = [LATE, ok(b"poison") * 3, b"HTTP/1.1 100 Continue\r\n\r\n" + LATE, b"\r\n", b"x"]

    def answer(target: bytes, body: bytes) -> bytes | None:
        if target.startswith(b"/attack/"):
            return ok(b"mine") + surplus[int(target[8:]) % len(surplus)]
        return echo(target, body)

    proxy = lab.proxy(lab.backend())
    backend = Threaded(lab.backends[0], answer)
    with Victims(proxy) as victims, proxy.client() as client:
        for number in range(200):
            client.send(get(b"/attack/%d" % number))
            assert client.answer().body == b"mine"
    assert not victims.wrong
    lab.call(proxy.relay.close)
    backend.stop()
