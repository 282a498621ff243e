"""Where a cookie leads, and which outcome is counted; tables that are swapped under way."""

from __future__ import annotations

import gc
import socket
import threading

import pytest

from faststicky.model import BackendSpec, BackendState, Outcome
from relay.lab import GET, Backend, Lab, get, ok, service, table
from relay.peer import Peer

LOOKUP: list[tuple[str, int, Outcome]] = [
    ("tb0", 0, "task"),
    ("sb0", 0, "slot"),
    ("tb1", 1, "task"),
    ("sb1", 1, "slot"),
    ("http://10.0.0.5:8000", 1, "foreign"),
    ("f0.dotted", 1, "foreign"),
    ("old1", 1, "previous"),
]
SETS = b"s=%b; Path=/; HttpOnly; SameSite=Lax"


def two(lab: Lab, first: str = "up", second: str = "up") -> list[BackendSpec]:
    return [
        lab.backend("b0").spec(first),  # type: ignore[arg-type]
        lab.backend("b1").spec(second),  # type: ignore[arg-type]
    ]


def ask(client: Peer, backend: Backend, cookie: bytes) -> bytes | None:
    """The Set-Cookie of one request, which must reach that backend."""
    client.send(get(b"/", b"Cookie: %b\r\n" % cookie if cookie else b""))
    peer = backend.accept()
    peer.request()
    peer.send(ok(more=b"Connection: close\r\n"))
    peer.close()
    return client.answer().get(b"Set-Cookie")


@pytest.mark.parametrize(
    ("cookie", "at", "sets", "outcome"),
    [
        (b"s=tb0.sb0", 0, False, "hit"),
        (b"s=tb1.sb1", 1, False, "hit"),
        (b"s=tb1", 1, False, "hit"),
        (b"s=tb1.garbage", 1, False, "hit"),
        (b"s=gone.sb1", 1, True, "slot"),
        (b"s=http://10.0.0.5:8000", 1, True, "foreign"),
        (b's="http://10.0.0.5:8000"', 1, True, "foreign"),
        (b"s=f0.dotted", 1, True, "foreign"),
        (b"s=old1.whatever", 1, True, "previous"),
        (b"a=1; s=nobody; s=tb1", 1, False, "hit"),
        (b"s=x; s=; s=gone.sb1; s=tb0", 1, True, "slot"),
    ],
)
def test_where_a_cookie_leads(lab: Lab, cookie: bytes, at: int, sets: bool, outcome: str) -> None:
    proxy = lab.proxy(table(service(two(lab), LOOKUP)))
    got = ask(proxy.client(), lab.backends[at], cookie)
    assert got == (SETS % (b"tb1.sb1" if at else b"tb0.sb0") if sets else None)
    assert proxy.counters()[f"sticky_{outcome}"] == 1


@pytest.mark.parametrize("state", ["leaving", "down"])
@pytest.mark.parametrize("cookie", [b"s=tb0.sb0", b"s=tb0", b"s=old.sb0", b"s=tb0.sb0; s=x"])
def test_a_session_whose_task_does_not_serve_is_moved_once(lab: Lab, state: str, cookie: bytes) -> None:
    proxy = lab.proxy(table(service(two(lab, state), LOOKUP)))
    assert ask(proxy.client(), lab.backends[1], cookie) == SETS % b"tb1.sb1"
    assert proxy.counters()[f"sticky_moved_{state}"] == 1


@pytest.mark.parametrize("cookie", [b"s=told.sold", b"s=told", b"s=x; s=told.sold"])
def test_a_session_whose_task_and_slot_are_gone_is_moved(lab: Lab, cookie: bytes) -> None:
    proxy = lab.proxy(table(service(two(lab, "up", "down"), LOOKUP)))
    assert ask(proxy.client(), lab.backends[0], cookie) == SETS % b"tb0.sb0"
    counters = proxy.counters()
    assert (counters["sticky_moved_gone"], counters["sticky_new"]) == (1, 0)


def test_a_session_whose_task_fails_the_request_is_moved_and_counted_once(lab: Lab) -> None:
    proxy = lab.proxy(table(service(two(lab), LOOKUP)))
    client = proxy.client()
    client.send(get(b"/", b"Cookie: s=tb0.sb0\r\n"))
    first = lab.backends[0].accept()
    first.request()
    first.close()
    peer = lab.backends[1].accept()
    peer.request()
    peer.send(ok())
    assert client.answer().get(b"Set-Cookie") == SETS % b"tb1.sb1"
    counters = proxy.counters()
    assert (counters["sticky_moved_failed"], counters["sticky_hit"]) == (1, 0)


def test_a_second_cookie_counts_if_the_first_one_leads_to_a_task_that_is_gone(lab: Lab) -> None:
    proxy = lab.proxy(table(service(two(lab, "down"), LOOKUP)))
    assert ask(proxy.client(), lab.backends[1], b"s=tb0.sb0; s=tb1.sb1") is None


def test_a_draining_task_keeps_its_sessions_and_gets_no_new_ones(lab: Lab) -> None:
    proxy = lab.proxy(table(service(two(lab, "draining"), LOOKUP)))
    client = proxy.client()
    assert ask(client, lab.backends[0], b"s=tb0.sb0") is None
    for _ in range(4):
        assert ask(client, lab.backends[1], b"") == SETS % b"tb1.sb1"
    counters = proxy.counters()
    assert (counters["sticky_draining"], counters["sticky_new"]) == (1, 4)


def test_new_sessions_take_turns(lab: Lab) -> None:
    proxy = lab.proxy(table(service(two(lab), LOOKUP)))
    clients = [proxy.client() for _ in range(4)]
    for client in clients:
        client.send(GET)
    for backend in lab.backends * 2:
        peer = backend.accept()
        peer.request()
        peer.send(ok())
    assert all(client.answer().get(b"Set-Cookie") for client in clients)


def test_without_anybody_there_is_503(lab: Lab) -> None:
    proxy = lab.proxy(table(service(two(lab, "down", "leaving"), LOOKUP)))
    client = proxy.client()
    client.send(get(b"/", b"Cookie: s=tb0.sb0\r\n"))
    answer = client.answer()
    assert (answer.status, answer.get(b"Retry-After"), answer.closes) == (503, b"1", False)
    assert answer.get(b"Set-Cookie") is None


def test_a_service_without_cookie(lab: Lab) -> None:
    proxy = lab.proxy(table(service(two(lab, "up", "down"), LOOKUP, cookie=None)))
    assert ask(proxy.client(), lab.backends[0], b"s=tb1.sb1") is None
    assert proxy.counters()["sticky_none"] == 1


def test_before_the_first_table_there_is_503(lab: Lab) -> None:
    proxy = lab.proxy(None)
    client = proxy.client()
    client.send(GET)
    assert client.answer().status == 503
    backend = lab.backend("b0")
    proxy.publish(table(service([backend])))
    assert ask(client, backend, b"") == SETS % b"tb0.sb0"


# ---------------------------------------------------------------- tables


def test_an_exchange_finishes_with_the_table_it_began_with(lab: Lab) -> None:
    first, second = lab.backend("b0"), lab.backend("b1")
    proxy = lab.proxy(table(service([first])))
    client = proxy.client()
    client.send(get(b"/", b"Cookie: s=gone\r\n"))
    peer = first.accept()
    peer.request()
    proxy.publish(table(service([second]), generation=2))
    assert proxy.live()["tables"] == 2
    peer.send(ok())
    assert client.answer().get(b"Set-Cookie") == SETS % b"tb0.sb0"
    proxy.becomes(tables=1, upstream_idle=0, upstream_busy=0)  # nobody will ask for that backend again
    assert ask(client, second, b"s=tb0.sb0") == SETS % b"tb1.sb1"


@pytest.mark.parametrize("state", ["leaving", "down"])
def test_nor_for_one_that_is_being_stopped(lab: Lab, state: BackendState) -> None:
    """Its application may wait for its last connection to be closed. When it is up again, connections are kept again."""
    backend = lab.backend("b0")
    proxy = lab.proxy(table(service([backend])))
    client = proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.request()
    proxy.publish(table(service([backend.spec(state)]), generation=2))
    peer.send(ok())
    assert client.answer().status == 200
    assert proxy.live()["upstream_idle"] == 0
    assert peer.rest() == b""
    proxy.publish(table(service([backend]), generation=3))
    client.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    proxy.becomes(upstream_idle=1)


def test_connections_outlive_tables_that_name_the_same_backend(lab: Lab) -> None:
    backend = lab.backend("b0")
    proxy = lab.proxy(table(service([backend])))
    client = proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    for generation in range(2, 12):
        proxy.publish(table(service([backend]), generation=generation))
    client.send(GET)
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    assert proxy.live()["tables"] == 1


def test_an_unsound_table_changes_nothing(lab: Lab) -> None:
    backend = lab.backend("b0")
    proxy = lab.proxy(table(service([backend])))
    broken = table(service([backend], [("\n", 0, "task")]), generation=9, routes=[])
    bad = table(service([backend]), generation=9)
    bad = bad.__class__(generation=9, services=(), routes=bad.routes)
    with pytest.raises(ValueError, match="does not exist"):
        proxy.publish(bad)
    assert proxy.relay.generation == 1
    assert ask(proxy.client(), backend, b"s=tb0") is None
    proxy.publish(broken)
    assert proxy.relay.generation == 9


def serve_all(backend: Backend, name: bytes) -> list[threading.Thread]:
    """Answer every request with the backend's name, until the listener and the connections are closed."""
    threads: list[threading.Thread] = []

    def one(peer: Peer) -> None:
        try:
            while True:
                peer.request()
                peer.send(ok(name))
        except (AssertionError, OSError):
            pass

    def accept() -> None:
        while True:
            try:
                peer = backend.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(peer,)))
            threads[-1].start()

    threads.append(threading.Thread(target=accept))
    threads[0].start()
    return threads


def test_a_thousand_tables_under_load(lab: Lab) -> None:
    """No request fails, and whoever has a cookie stays as long as the table names his task."""
    stop = threading.Event()
    backends = [lab.backend(f"b{number}") for number in range(3)]
    threads = [serve_all(backend, backend.name.encode()) for backend in backends]
    proxy = lab.proxy(*backends)
    failures: list[object] = []

    def user(number: int) -> None:
        client = proxy.client()
        cookie, mine = b"", b""
        while not stop.is_set():
            client.send(get(b"/", cookie))
            answer = client.answer()
            given = answer.get(b"Set-Cookie")
            if answer.status != 200 or (mine and not given and answer.body != mine):
                failures.append((number, answer, mine))
                return
            if given:
                cookie = b"Cookie: %b\r\n" % given.partition(b";")[0]
                mine = answer.body
        client.close()

    users = [threading.Thread(target=user, args=(number,)) for number in range(4)]
    for each in users:
        each.start()
    for generation in range(2, 1002):
        gone = generation % 4  # one of the three is missing, or none
        present = [backend for at, backend in enumerate(backends) if at != gone]
        proxy.publish(table(service(present), generation=generation))
    stop.set()
    for each in users:
        each.join()
    assert not failures
    proxy.becomes(tables=1, clients=0)
    for backend in backends:
        backend.listener.shutdown(socket.SHUT_RDWR)
    lab.call(proxy.relay.close)
    for group in threads:
        for thread in group:
            thread.join(5)


def test_tables_that_were_replaced_are_freed_without_a_collector(lab: Lab) -> None:
    """A worker freezes what it has after each table, so that no cycle of an old one would ever be found."""
    here, leaves = lab.backend("b0"), lab.backend("b1")
    proxy = lab.proxy(here, leaves)
    proxy.publish(table(service([here]), generation=2))
    before = proxy.live()["memory_blocks"]
    gc.disable()
    try:
        for generation in range(3, 43, 2):
            proxy.publish(table(service([here, leaves]), generation=generation))
            proxy.publish(table(service([here]), generation=generation + 1))
        assert proxy.live()["memory_blocks"] == before
    finally:
        gc.enable()
