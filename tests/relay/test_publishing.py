"""Tables that come while requests are under way: in pieces, again and again, broken off, refused."""

from __future__ import annotations

import gc
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from faststicky.core import RelayBuilder
from faststicky.model import BackendSpec, ServiceSpec, TableSpec
from faststicky.serve.channel import Acknowledged, BackendsPiece, BeginTable, Line, Rejected, ServicePiece
from relay.lab import GET, Lab, Proxy, get, ok, service, table
from relay.peer import Message, until
from relay.test_stickiness import serve_all


def crowd(count: int, first: int = 0) -> list[BackendSpec]:
    """Backends that no new session goes to and no cookie of a test leads to."""
    return [
        BackendSpec(
            id=f"c{i}", name=f"c{i}", host="127.0.0.1", port=1, weight=0, state="up", cookie_value=f"tc{i}.sc{i}"
        )
        for i in range(first, first + count)
    ]


class Users(threading.Thread):
    """Asks with one connection, over and over, until `done`; every answer is judged by `check`."""

    def __init__(self, proxy: Proxy, request: bytes, check: Callable[[Message], str]) -> None:
        super().__init__()
        self._client, self._request, self._check = proxy.client(), request, check
        self.done = threading.Event()
        self.answers = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        try:
            while not self.done.is_set():
                self._client.send(self._request)
                answer = self._client.answer()
                self.answers += 1
                if complaint := self._check(answer):
                    self.wrong.append(complaint)
        except Exception as error:
            self.wrong.append(repr(error))

    def judge(self, at_least: int) -> None:
        until(lambda: self.wrong or self.answers >= at_least, "answers enough")
        self.done.set()
        self.join()
        assert self.wrong == []


def test_users_stay_while_thousands_of_backends_come_and_go(lab: Lab) -> None:
    real = [lab.backend(f"b{i}") for i in range(3)]
    threads = [thread for each in real for thread in serve_all(each, each.name.encode())]

    def spec(generation: int) -> TableSpec:
        others = crowd(2500, generation * 40)
        others[generation * 7 : generation * 7] = [real[(i + generation) % 3].spec() for i in range(3)]
        return table(service(others), generation=generation)

    before = spec(1)
    proxy = lab.proxy(before)
    users = [
        Users(
            proxy,
            get(more=b"Cookie: s=t%b\r\n" % name),
            lambda answer, name=name: "" if answer.body == name else "moved",
        )
        for name in (b"b0", b"b1", b"b2")
    ]
    for user in users:
        user.start()
    for generation in range(2, 22):
        after = spec(generation)
        assert proxy.publish_in_pieces(after, before) == Acknowledged(generation=generation)
        before = after
    for user in users:
        user.judge(200)
    assert proxy.counters()["connects"] == 3  # a table that names the same backend keeps its connection
    assert proxy.live()["upstreams"] == 2503
    assert proxy.counters()["sticky_hit"] == proxy.counters()["requests"]
    for each in real:
        each.refuse()
    proxy.becomes(past_services=0, tables=1)
    del threads


@pytest.mark.parametrize("in_pieces", [True, False])
def test_no_request_sees_two_tables(lab: Lab, in_pieces: bool) -> None:
    """A thousand tables: each has one backend that is up, and a cookie that names the generation."""
    real = [lab.backend("b0"), lab.backend("b1")]
    threads = [thread for each in real for thread in serve_all(each, each.name.encode())]

    def spec(generation: int) -> TableSpec:
        up, down = real[generation % 2].spec(), real[1 - generation % 2].spec("down")
        members = [msgspec.structs.replace(up, cookie_value=f"g{generation}"), down]
        return table(service(members, [(f"g{generation}", 0, "task")]), generation=generation)

    def check(answer: Message) -> str:
        if answer.status != 200:
            return f"{answer.status} {answer.body!r}"
        cookie = answer.get(b"set-cookie") or b""
        generation = int(cookie[len(b"s=g") : cookie.index(b";")])
        return "" if answer.body == b"b%d" % (generation % 2) else f"{answer.body!r} with {cookie!r}"

    before = spec(1)
    proxy = lab.proxy(before, connect_timeout=30.0, silence_timeout=30.0)  # so many connections at once take their time
    users = [Users(proxy, GET, check) for _ in range(3)]
    for user in users:
        user.start()
    for generation in range(2, 1002):
        after = spec(generation)
        if in_pieces:
            assert proxy.publish_in_pieces(after, before) == Acknowledged(generation=generation)
        else:
            proxy.publish(after)
        before = after
    for user in users:
        user.judge(100)
    proxy.becomes(tables=1, upstreams=2, exchanges=0)
    for each in real:
        each.refuse()
    del threads


def test_a_table_that_breaks_off_or_is_refused_leaves_nothing(lab: Lab) -> None:
    backend = lab.backend("b0")
    before = table(service([backend]))
    proxy = lab.proxy(before)
    client = proxy.client()
    client.send(GET)
    peer = backend.accept()
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200
    bad = service([*crowd(40), backend, msgspec.structs.replace(crowd(1, 99)[0], cookie_value="a\nb")], [])
    refused = proxy.publish_in_pieces(table(bad, generation=2), before)
    assert isinstance(refused, Rejected)
    assert (refused.generation, "control character" in refused.error) == (2, True)
    proxy.becomes(tables=1, upstreams=1, upstream_idle=1)
    assert proxy.relay.generation == 1
    # One that ends in the middle is forgotten with the next
    lab.run(proxy.assembly.take(BeginTable(generation=3, base=1)))
    lab.run(proxy.assembly.take(ServicePiece(service=msgspec.structs.replace(bad, backends=()), backends=50, values=0)))
    lab.run(proxy.assembly.take(BackendsPiece(segments=[(0, 1, [Line(each, ()) for each in crowd(20)])])))
    assert proxy.live()["upstreams"] == 21
    assert proxy.publish_in_pieces(table(service([backend]), generation=4), before) == Acknowledged(generation=4)
    proxy.becomes(tables=1, upstreams=1, upstream_idle=1)
    client.send(GET)
    peer.request()
    peer.send(ok())
    assert client.answer().status == 200


def resident() -> int:
    """Bytes of this process's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("in_pieces", [True, False])
def test_replaced_tables_leave_no_memory_behind(lab: Lab, in_pieces: bool) -> None:
    """Backends and upstreams hold each other, and no collector looks at them: whoever leaves must be let go."""
    proxy = lab.proxy(table(service([lab.backend("b0")])))
    before = None
    sizes = []
    for generation in range(2, 102):
        spec = table(service(crowd(1000, generation * 1000)), generation=generation)
        if in_pieces:
            assert proxy.publish_in_pieces(spec, before) == Acknowledged(generation=generation)
            before = spec
        else:
            proxy.publish(spec)
        if generation in (26, 101):
            gc.collect()
            sizes.append(resident())
    proxy.becomes(tables=1, upstreams=1000)
    assert sizes[1] - sizes[0] < 15_000_000  # 75,000 of each that stayed would be 40 MB


def test_turns_go_on_where_they_were(lab: Lab) -> None:
    """A service that did not change is the same one in the next table."""
    real = [lab.backend(f"b{i}") for i in range(3)]
    threads = [thread for each in real for thread in serve_all(each, each.name.encode())]
    shared = service(real, cookie=None)
    before = table(shared)
    proxy = lab.proxy(before)
    client = proxy.client()
    seen = []
    for generation in range(2, 14):
        client.send(GET)
        seen.append(client.answer().body)
        other = service([], name=f"other{generation}")
        after = table(shared, other, generation=generation, routes=before.routes)
        assert proxy.publish_in_pieces(after, before) == Acknowledged(generation=generation)
        before = after
    assert seen == seen[:3] * 4
    assert set(seen) == {b"b0", b"b1", b"b2"}
    for each in real:
        each.refuse()
    del threads


def test_who_is_ejected_stays_so_in_the_next_table(lab: Lab) -> None:
    bad, good = lab.backend("b0"), lab.backend("b1")
    bad.refuse()
    threads = serve_all(good, b"good")
    before = table(service([bad, good], cookie=None))
    proxy = lab.proxy(before, eject_after=1, eject_time=60.0)
    client = proxy.client()
    for _ in range(4):
        client.send(GET)
        assert client.answer().body == b"good"
    errors = proxy.counters()["connect_errors"]
    assert errors == 1
    for generation, members in ((2, [*crowd(3), bad.spec(), good.spec()]), (3, [good.spec(), bad.spec(weight=1)])):
        after = table(service(members, cookie=None), generation=generation)
        assert proxy.publish_in_pieces(after, before) == Acknowledged(generation=generation)
        before = after
        for _ in range(4):
            client.send(GET)
            assert client.answer().body == b"good"
    assert proxy.counters()["connect_errors"] == errors
    good.refuse()
    del threads


def test_a_request_under_way_keeps_its_table_and_may_try_elsewhere_in_it(lab: Lab) -> None:
    """Its backend fails after a table came that knows neither it nor the other one of the old table."""
    first, second, third = (lab.backend(f"b{i}") for i in range(3))
    large = service([*crowd(1500), first.spec(), second.spec()])
    before = table(large)
    proxy = lab.proxy(before)
    client = proxy.client()
    client.send(get(more=b"Cookie: s=tb0\r\n"))
    peer = first.accept()
    peer.request()
    after = table(service([third]), generation=2)
    assert proxy.publish_in_pieces(after, before) == Acknowledged(generation=2)
    proxy.becomes(tables=2, past_services=1, upstreams=1)
    time.sleep(0.3)  # some ticks, in which a service that nobody holds would be freed
    peer.close()
    peer = second.accept()
    peer.request()
    peer.send(ok(b"second"))
    assert client.answer().body == b"second"
    proxy.becomes(tables=1, past_services=0, upstream_idle=0, upstream_busy=0)


def test_two_builders_at_once(lab: Lab) -> None:
    """The second one to end would undo the first: it is refused."""
    backend = lab.backend("b0")
    proxy = lab.proxy(table(service([backend])))

    def build(generation: int, wanted: ServiceSpec) -> RelayBuilder:
        builder = proxy.relay.builder(generation)
        list(builder.whole(table(wanted, generation=generation)))
        return builder

    one = lab.call(build, 2, service([backend]))
    two = lab.call(build, 3, service([backend, *crowd(2)]))
    lab.call(lambda: list(one.publish()))
    with pytest.raises(ValueError, match="another table"):
        lab.call(lambda: list(two.publish()))
    lab.call(lambda: list(two.abandon()))
    assert proxy.live()["upstreams"] == 1
    assert proxy.relay.generation == 2


def test_a_relay_that_is_closed_takes_no_table(lab: Lab) -> None:
    backend = lab.backend("b0")
    proxy = lab.proxy(table(service([backend])))
    builder = lab.call(proxy.relay.builder, 2)
    lab.call(lambda: list(builder.whole(table(service([backend]), generation=2))))
    lab.call(proxy.relay.close)
    with pytest.raises(ValueError, match="closed"):
        lab.call(lambda: list(builder.publish()))
    with pytest.raises(ValueError, match="closed"):
        lab.call(proxy.relay.publish, table(service([backend, *crowd(1)]), generation=3))
