"""What the relay counts in the region that the supervisor reads, and the access lines that it writes."""

from __future__ import annotations

import json
import mmap
import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from faststicky.core import Relay, _stats
from faststicky.model import TableSpec
from faststicky.settings import RelayOptions
from relay.lab import GET, OPTIONS, POST, Backend, Lab, Loop, ok, service, table
from relay.peer import Peer, until

UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


def counted(*backends: Backend, **options: Any) -> TableSpec:
    """A table of one service with series 3, its backends with series 5, 6, ..."""
    spec = service(backends)
    specs = tuple(msgspec.structs.replace(each, series=5 + at) for at, each in enumerate(spec.backends))
    return table(msgspec.structs.replace(spec, backends=specs, series=3, **options))


class Counted:
    """A relay with a region and an access log."""

    def __init__(self, lab: Lab, loop: Loop, spec: TableSpec, region: mmap.mmap | None = None, **options: Any) -> None:
        self.region = region or mmap.mmap(-1, _stats.REGION_SIZE)
        self.lines: list[str] = []
        self.dropped = 0
        self.proxy = lab.proxy(None, **options)
        loop.call(self.proxy.relay.close)
        self.proxy.relay = loop.call(self._relay, loop, RelayOptions(**{**OPTIONS, **options}))
        self.proxy.publish(spec)

    def _relay(self, loop: Loop, options: RelayOptions) -> Relay:
        return Relay(loop.loop, options, self.proxy.events.append, region=self.region, on_access=self._access)

    def _access(self, lines: bytes, dropped: int) -> None:
        self.lines += lines.decode("ascii").splitlines()
        self.dropped += dropped

    def service(self) -> _stats.Counters:
        return _stats.read_service(self.region, 3)[0]

    def total(self) -> _stats.Counters:
        return _stats.read_service(self.region, 0)[0]

    def backend(self, at: int = 0) -> _stats.Counters:
        return _stats.read_backend(self.region, 5 + at)

    def is_quiet(self) -> None:
        """Nothing is counted as under way any more, anywhere."""

        def under_way() -> list[int]:
            everybody = self.service(), self.total(), self.backend(0), self.backend(1)
            return [each[gauge] for each in everybody for gauge in ("in_flight", "queued")]

        until(lambda: not any(under_way()), f"nothing in flight or queued: {under_way()}")


@pytest.fixture
def make(lab: Lab, loop: Loop) -> Iterator[Any]:
    made: list[Counted] = []

    def one(*backends: Backend, **options: Any) -> Counted:
        chosen = {
            name: options.pop(name)
            for name in ("hold", "max_concurrent", "max_queued", "queue_timeout")
            if name in options
        }
        made.append(Counted(lab, loop, counted(*backends, **chosen), **options))
        return made[-1]

    yield one
    for each in made:
        each.is_quiet()


def exchange(client: Peer, backend: Backend, request: bytes = GET, answer: bytes = b"") -> int:
    client.send(request)
    peer = backend.peers[-1] if backend.peers else backend.accept()
    peer.request()
    peer.send(answer or ok())
    return client.answer().status


def test_an_exchange_is_counted_for_its_service_its_backend_and_in_all(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend)
    client = found.proxy.client()
    exchange(client, backend)
    exchange(client, backend, GET.replace(b"\r\n\r\n", b"\r\nCookie: s=tb0.sb0\r\n\r\n"))
    exchange(client, backend, POST, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    for counters in (found.service(), found.total()):
        assert counters["requests"] == 3
        assert counters["answers"] == [0, 0, 2, 0, 1, 0]
        assert counters["outcomes"] == {**dict.fromkeys(counters["outcomes"], 0), "new": 2, "hit": 1}
        assert counters["bytes_in"] > 2 * len(GET)
        assert _stats.count_sessions(counters["sessions"]) == 1
    assert found.backend()["requests"] == 3
    assert found.backend()["answers"] == [0, 0, 2, 0, 1, 0]
    assert found.backend()["bytes_out"] == found.service()["bytes_out"] > 0
    for series in (0, 3):
        for counts in _stats.read_service(found.region, series)[1].values():
            assert sum(counts) == 3


def test_own_answers(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    backend.refuse()
    found = make(backend)
    client = found.proxy.client()
    client.send(GET)
    assert client.answer().status == 502
    client.send(b"GET / HTTP/9.9\r\n\r\n")
    assert client.answer().status == 505
    assert found.service()["failures"] == {"502": 1, "503": 0, "504": 0, "other": 0}
    assert found.total()["failures"] == {"502": 1, "503": 0, "504": 0, "other": 1}
    assert found.total()["requests"] == 2
    assert found.backend()["connect_errors"] == 1


def test_a_try_elsewhere(lab: Lab, make: Any) -> None:
    bad, good = lab.backend(), lab.backend()
    bad.refuse()
    found = make(bad, good)
    assert exchange(found.proxy.client(), good, GET.replace(b"\r\n\r\n", b"\r\nCookie: s=tb0.sb0\r\n\r\n")) == 200
    assert found.service()["retries"] == found.total()["retries"] == found.backend(1)["retries"] == 1
    assert found.service()["requests"] == found.backend(0)["requests"] == found.backend(1)["requests"] == 1


@pytest.mark.parametrize("end", ["client", "backend", "reset"])
def test_tunnels_end_uncounted(lab: Lab, make: Any, end: str) -> None:
    backend = lab.backend()
    found = make(backend)
    client = found.proxy.client()
    client.send(UPGRADE)
    peer = backend.accept()
    peer.request_head()
    peer.send(SWITCH)
    assert client.answer().status == 101
    assert found.service()["in_flight"] == found.backend()["in_flight"] == 1
    {"client": client.close, "backend": peer.close, "reset": peer.reset}[end]()
    other = peer if end == "client" else client
    other.rest()
    other.close()
    found.is_quiet()


@pytest.mark.parametrize("phase", ["connecting", "waiting", "answered"])
def test_clients_that_leave(lab: Lab, make: Any, phase: str) -> None:
    backend = lab.backend()
    found = make(backend)
    if phase == "connecting":
        backend.hang()
    client = found.proxy.client()
    client.send(GET)
    if phase == "connecting":
        until(lambda: found.service()["in_flight"] == 1, "the request")
    else:
        peer = backend.accept()
        peer.request()
        if phase == "answered":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
            client.until(b"01234")
    client.reset()
    found.is_quiet()


def test_parked_and_queued_requests(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend, max_concurrent=1, max_queued=5, queue_timeout=30.0)
    first, second, third = (found.proxy.client() for _ in range(3))
    first.send(GET)
    peer = backend.accept()
    peer.request()
    for at, client in enumerate((second, third)):
        client.send(GET)
        until(lambda at=at: found.backend()["queued"] == 1 + at, "the queue")
    assert found.service()["queued"] == found.total()["queued"] == 2
    third.close()
    until(lambda: found.backend()["queued"] == 1, "who has left")
    peer.send(ok())
    assert first.answer().status == 200
    peer.request()
    peer.send(ok())
    assert second.answer().status == 200


def test_what_a_worker_that_died_had_under_way_ends_with_it(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    limits = {"max_concurrent": 1, "max_queued": 5, "queue_timeout": 30.0}
    found = make(backend, **limits)
    clients = [found.proxy.client() for _ in range(2)]
    for client in clients:
        client.send(GET)
    peer = backend.accept()
    peer.request()
    until(lambda: found.service()["queued"] == found.backend()["queued"] == 1, "one under way, one waiting")
    left = mmap.mmap(-1, _stats.REGION_SIZE)
    for begin in (0, _stats.SERVICES * 8192):  # where the services' and the backends' series begin
        left[begin : begin + 65536] = found.region[begin : begin + 65536]
    assert _stats.read_service(left, 3)[0]["in_flight"] == 2
    successor = make(backend, region=left, **limits)
    successor.is_quiet()
    assert (successor.service()["requests"], successor.backend()["requests"]) == (2, 1)
    for client in clients:
        peer.send(ok())
        assert client.answer().status == 200
        if client is clients[0]:
            peer.request()


def test_whether_a_backend_is_ejected(lab: Lab, make: Any) -> None:
    bad, good = lab.backend(), lab.backend()
    bad.refuse()
    for eject_time in (600.0, 0.2):
        found = make(bad, good, eject_after=1, eject_time=eject_time)
        assert found.backend(0)["ejected"] == 0
        request = GET.replace(b"\r\n\r\n", b"\r\nCookie: s=tb0.sb0\r\n\r\n")
        client = found.proxy.client()
        client.send(request)
        peer = good.accept()
        peer.request()
        peer.send(ok())
        assert client.answer().status == 200
        assert (found.backend(0)["ejections"], found.backend(1)["ejected"]) == (1, 0)
        if eject_time > 1:
            assert found.backend(0)["ejected"] == 1
    bad.listen_again()
    until(lambda: found.backend(0)["ejected"] == 0, "its return")


# ------------------------------------------------------------ access lines

FORMATS = {
    "common": r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a\?b HTTP/1\.1" 200 \d+',
    "combined": r'127\.0\.0\.1 - - \[.{20} \+0000\] "GET /a\?b HTTP/1\.1" 200 \d+ "http://r/" "agent \\x22x\\x22"',
    "traefik": r'127\.0\.0\.1 - - \[.{20} \+0000\] "GET /a\?b HTTP/1\.1" 200 \d+ "http://r/" "agent \\x22x\\x22" 1 "web" '
    r'"http://127\.0\.0\.1:\d+" \d+ms',
    "haproxy": r"127\.0\.0\.1:0 \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\] faststicky web/b0 0/0/\d+/\d+/\d+ 200 \d+ - - --NI "
    r'0/0/0/0/0 0/0 "GET /a\?b HTTP/1\.1"',
}


@pytest.mark.parametrize("name", [*FORMATS, "json"])
def test_a_line_for_every_request(lab: Lab, make: Any, name: str) -> None:
    backend = lab.backend()
    found = make(backend, access_log=name)
    request = (
        b'GET /a?b HTTP/1.1\r\nHost: a\r\nReferer: http://r/\r\nUser-Agent: agent "x"\r\n'
        b"Cookie: secret=1; s=nonsense\r\nAuthorization: Basic secret\r\n\r\n"
    )
    exchange(found.proxy.client(), backend, request)
    until(lambda: found.lines, "the line")
    (line,) = found.lines
    assert "secret" not in line
    assert "nonsense" not in line
    if name != "json":
        assert re.fullmatch(FORMATS[name].replace("--NI", "--II"), line), line
        return
    fields = json.loads(line)
    assert re.fullmatch(r"[0-9a-f]{32}", fields.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert 0 <= fields.pop("queue") + fields.pop("connect") <= fields.pop("first") <= fields.pop("total")
    assert fields.pop("bytes") > 0
    assert fields == {
        "client": "127.0.0.1",
        "method": "GET",
        "host": "a",
        "target": "/a?b",
        "version": "1.1",
        "status": 200,
        "service": "web",
        "backend": "b0",
        "sticky": "new",
        "retries": 0,
        "end": "--",
        "referer": "http://r/",
        "agent": 'agent "x"',
    }


@pytest.mark.parametrize("trusted", [True, False])
def test_the_line_has_the_request_id_that_the_backend_got(lab: Lab, make: Any, trusted: bool) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json", trusted_proxies=("127.0.0.0/8",) if trusted else ())
    client = found.proxy.client()
    client.send(b'GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: theirs"1\r\n\r\n')
    peer = backend.accept()
    got = peer.request().all(b"x-request-id")
    peer.send(ok())
    assert client.answer().status == 200
    until(lambda: found.lines, "the line")
    assert got == [json.loads(found.lines[0])["id"].encode()]
    assert (got == [b'theirs"1']) is trusted


def test_waiting_in_a_queue_is_told_from_connecting(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json", max_concurrent=1, max_queued=5, queue_timeout=30.0)
    first, second = found.proxy.client(), found.proxy.client()
    first.send(GET)
    peer = backend.accept()
    peer.request()
    second.send(GET)
    until(lambda: found.backend()["queued"] == 1, "the queue")
    time.sleep(0.5)
    peer.send(ok())
    assert first.answer().status == 200
    peer.request()
    peer.send(ok())
    assert second.answer().status == 200
    until(lambda: len(found.lines) == 2, "both lines")
    straight, queued = (json.loads(line) for line in found.lines)
    assert straight["queue"] < 400 < queued["queue"] <= queued["first"]
    assert queued["connect"] == 0  # a kept connection
    assert straight["connect"] > 0


def test_bytes_that_a_client_chose_cannot_end_a_line_or_a_field(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json")
    exchange(found.proxy.client(), backend, b'GET /%22"<\x7b HTTP/1.1\r\nHost: a\r\nUser-Agent: \xe9\t"\\\r\n\r\n')
    until(lambda: found.lines, "the line")
    fields = json.loads(found.lines[0])
    assert fields["target"] == '/%22"<{'
    assert fields["agent"] == '\xe9\t"\\'


def test_a_line_of_haproxy_has_all_its_fields_without_a_service_too(lab: Lab, make: Any) -> None:
    found = make(lab.backend(), access_log="haproxy")
    client = found.proxy.client()
    client.send(b"nonsense\r\n\r\n")
    assert client.answer().status == 400
    until(lambda: found.lines, "the line")
    assert " faststicky faststicky/<NOSRV> 0/-1/-1/-1/" in found.lines[0]


def test_what_never_was_a_request_has_a_line_too(lab: Lab, make: Any) -> None:
    found = make(lab.backend(), access_log="json")
    for request, status in ((b"nonsense\r\n\r\n", 400), (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405)):
        client = found.proxy.client()
        client.send(request)
        assert client.answer().status == status
    until(lambda: len(found.lines) == 2, "two lines")
    assert [json.loads(line)["status"] for line in found.lines] == [400, 405]
    assert json.loads(found.lines[0])["method"] == "<BADREQ>"
    assert json.loads(found.lines[1])["end"] == "PR"


@pytest.mark.parametrize(
    ("script", "end", "status"),
    [
        (b"", "SH", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n0", "SD", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0", "--", 200),
    ],
)
def test_how_it_ended(lab: Lab, make: Any, script: bytes, end: str, status: int) -> None:
    backend = lab.backend()
    found = make(backend, access_log="json")
    client = found.proxy.client()
    client.send(POST)
    peer = backend.accept()
    peer.request()
    peer.send(script)
    peer.finish()
    client.answer()
    until(lambda: found.lines, "the line")
    fields = json.loads(found.lines[0])
    assert (fields["end"], fields["status"]) == (end, status)
