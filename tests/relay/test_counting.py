"""What the relay counts in the region that the supervisor reads."""

from __future__ import annotations

import json
import mmap
from typing import Any

import msgspec
import pytest

from faststicky.core import _stats
from relay.counted import counted, exchange, make
from relay.lab import GET, POST, Lab, ok, service, table
from relay.peer import until

__all__ = ["make"]
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


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
            assert sum(counts.values()) == 3


@pytest.mark.parametrize("status", [600, 999])
def test_a_status_above_599_counts_as_a_5xx(lab: Lab, make: Any, status: int) -> None:
    backend = lab.backend()
    found = make(backend)
    before = found.proxy.relay.counters()
    answer = b"HTTP/1.1 %d Own\r\nContent-Length: 0\r\n\r\n" % status
    assert exchange(found.proxy.client(), backend, GET, answer) == status
    for counters in (found.service(), found.total(), found.backend()):
        assert counters["answers"] == [0, 0, 0, 0, 0, 1]
    after = found.proxy.relay.counters()
    assert {name for name in after if after[name] != before[name]} >= {"answers_5xx"}
    assert found.service()["outcomes"] == {**dict.fromkeys(found.service()["outcomes"], 0), "new": 1}


def test_an_outcome_is_counted_once_and_never_taken_back(lab: Lab, make: Any) -> None:
    """Statistics lines hold differences: what goes back in the next interval would be counted twice."""
    backend = lab.backend()
    found = make(backend, hold=30.0)
    spec = counted(backend, hold=30.0)
    (web,) = spec.services
    down = msgspec.structs.replace(web, backends=(msgspec.structs.replace(web.backends[0], state="down"),))
    found.proxy.publish(msgspec.structs.replace(spec, services=(down,), generation=2))
    client = found.proxy.client()
    client.send(GET.replace(b"\r\n\r\n", b"\r\nCookie: s=tb0.sb0\r\n\r\n"))
    until(lambda: found.proxy.live()["parked"] == 1, "the request waits")
    waiting = {"service": found.service()["outcomes"], "total": found.total()["outcomes"]}
    found.proxy.publish(msgspec.structs.replace(spec, generation=3))
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    for key, outcomes in (("service", found.service()["outcomes"]), ("total", found.total()["outcomes"])):
        assert {name: count for name, count in outcomes.items() if count} == {"hit": 1}
        assert all(waiting[key][name] <= count for name, count in outcomes.items())


@pytest.mark.parametrize("body", [b"X\r\n", b"1\r\nab"])
def test_a_request_that_proves_malformed_has_an_outcome_too(lab: Lab, make: Any, body: bytes) -> None:
    found = make(lab.backend(), access_log="json")
    client = found.proxy.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    assert client.answer().status == 400
    until(lambda: found.lines, "the line")
    assert json.loads(found.lines[0])["sticky"] == "new"
    assert found.service()["requests"] == found.service()["outcomes"]["new"] == 1


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
    assert found.service()["connect_errors"] == found.backend()["connect_errors"] == 1


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
    assert [_stats.read_service(found.region, series)[1]["total"] for series in (0, 3)] == [{}, {}]


def test_pipelined_bytes_are_counted_once(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend)
    client = found.proxy.client()
    for data in (GET * 5 + POST, POST + GET):  # in one piece, and behind the end of a body
        client.send(data[:-20])
        client.send(data[-20:])
        peer = backend.peers[-1] if backend.peers else backend.accept()
        for _ in range(data.count(b"HTTP/1.1")):
            peer.request()
            peer.send(ok())
            assert client.answer().status == 200
    sent = 6 * len(GET) + 2 * len(POST)
    assert found.service()["bytes_in"] == found.total()["bytes_in"] == found.proxy.counters()["bytes_in"] == sent


def test_a_backend_that_comes_back_while_a_request_to_it_is_under_way(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend)
    client = found.proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.request()
    for generation, backends in ((2, ()), (3, (backend,))):
        found.proxy.publish(msgspec.structs.replace(counted(*backends), generation=generation))
    peer.send(ok())
    assert client.answer().status == 200
    found.proxy.becomes(exchanges=0)
    found.is_quiet()


def test_whoever_is_given_the_numbers_of_what_is_gone_begins_at_nothing(lab: Lab, make: Any) -> None:
    """A tunnel outlives its service, and the rest of its numbers (serve/series.py)."""
    old, new = lab.backend(), lab.backend()
    found = make(old)
    client = found.proxy.client()
    client.send(UPGRADE)
    peer = old.accept()
    peer.request_head()
    peer.send(SWITCH)
    assert client.answer().status == 101
    found.proxy.publish(table(service([new], name="between"), generation=2))
    _stats.clear_service(found.region, 3)
    _stats.clear_backend(found.region, 5)
    spec = counted(new)
    other = msgspec.structs.replace(spec.services[0], name="other")
    found.proxy.publish(table(other, generation=3))
    peer.close()
    client.rest()
    client.close()
    found.proxy.becomes(exchanges=0)
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


def test_requests_in_flight_at_a_backend_that_leaves_and_comes_back(lab: Lab, make: Any) -> None:
    """By DNS or in a file; its answer ends under a later table than it began with."""
    backend, other = lab.backend(), lab.backend()
    found = make(backend)
    client = found.proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.request()
    there, gone = counted(backend), counted(other)
    for generation, spec in enumerate((gone, there), 2):
        found.proxy.publish(msgspec.structs.replace(spec, generation=generation))
    assert found.backend()["in_flight"] == 1
    peer.send(ok())
    assert client.answer().status == 200
    until(lambda: found.backend()["in_flight"] == 0, "nothing in flight")


def test_lost_answers_are_counted_for_the_service_too(lab: Lab, make: Any) -> None:
    backend = lab.backend()
    found = make(backend)
    client = found.proxy.client()
    client.send(POST)
    peer = backend.accept()
    peer.request()
    peer.close()
    assert client.answer().status == 502
    assert found.service()["resets"] == found.total()["resets"] == found.backend()["resets"] == 1


def test_a_backend_that_closes_on_what_cannot_be_repeated_is_ejected_too(lab: Lab, make: Any) -> None:
    backend, other = lab.backend(), lab.backend()
    found = make(backend, other, eject_after=2, eject_time=600.0)
    for _ in range(2):
        client = found.proxy.client()
        client.send(POST.replace(b"\r\n\r\n", b"\r\nCookie: s=tb0.sb0\r\n\r\n"))
        peer = backend.accept()
        peer.request()
        peer.close()
        assert client.answer().status == 502
    assert (found.backend()["resets"], found.backend()["ejected"], found.service()["ejections"]) == (2, 1, 1)

    def told() -> list[str]:
        return [event["reason"] for event in found.proxy.events if event["event"] == "upstream-failed"]

    until(lambda: told() == ["closed-before-answer"] * 2, f"both are told: {told()}")


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
        for name in ("ejections", "connect_errors", "resets"):
            assert found.service()[name] == found.total()[name] == found.backend(0)[name], name
        if eject_time > 1:
            assert found.backend(0)["ejected"] == 1
    bad.listen_again()
    until(lambda: found.backend(0)["ejected"] == 0, "its return")
