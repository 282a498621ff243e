"""The load generator's clients against real servers on loopback: the built-in one, and ones that misbehave."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import uvloop

from faststicky.core._load import Histogram, Load, Request
from faststicky.core._stats import bucket_bounds
from unit.core.load_runs import OK, against, against_stream, listen, loaded, script, site

# ---------------------------------------------------------------- pace and counting


def test_every_request_is_answered_and_counted():
    backend = site()
    taken = against(backend, limit=500, connections=7)
    assert (taken["requests"], taken["answers"], taken["errors"]) == (500, [0, 0, 500, 0, 0, 0], {})
    assert sum(count for _, count in taken["latency"][0]) == 500
    assert backend.requests == 500
    assert taken["connects"] == 7
    assert taken["bytes_out"] == 500 * len(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


@pytest.mark.parametrize("depth", [2, 16])
def test_pipelining_keeps_answers_in_order(depth):
    paths = [Request(b"GET /%d HTTP/1.1\r\nHost: a\r\n" % i, b"\r\n") for i in range(5)]
    taken = against(site(), *paths, limit=300, connections=3, depth=depth, identify="body")
    assert (taken["requests"], taken["errors"]) == (300, {})
    assert set(taken["backends"]) == {b"/0", b"/1", b"/2", b"/3", b"/4"}


def test_bodies_go_out_and_heads_come_back_without_one():
    post = Request(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n", b"\r\n" + b"x" * 100_000, "POST")
    head = Request(b"HEAD /h HTTP/1.1\r\nHost: a\r\n", b"\r\n", "HEAD")
    chunked = Request(
        b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", b"\r\n3\r\nabc\r\n0\r\n\r\n", "PUT"
    )
    backend = site()
    taken = against(backend, post, head, chunked, limit=60, connections=2)
    assert (taken["requests"], taken["errors"], backend.requests) == (60, {}, 60)


def test_a_connection_for_each_request_or_for_some():
    taken = against(site(), limit=40, connections=2, close_ratio=1.0)
    assert (taken["requests"], taken["connects"], taken["errors"]) == (40, 40, {})
    taken = against(site(), limit=40, connections=2, close_ratio=0.25)
    assert taken["requests"] == 40
    assert 10 <= taken["connects"] <= 12


def test_an_open_loop_keeps_to_its_plan():
    begin = time.monotonic()
    taken = against(site(), seconds=0.5, rate=400, connections=4)
    assert 0 < taken["requests"] <= 1 + 400 * (time.monotonic() - begin)  # half a second is longer on a busy machine
    assert sum(count for _, count in taken["corrected"][0]) == taken["requests"]
    assert taken["errors"] == {}
    begin = time.monotonic()
    assert against(site(), limit=100, rate=400, connections=4)["requests"] == 100  # it goes on to the plan's end
    assert time.monotonic() - begin > 99 / 400 - 0.01


def test_waiting_for_a_slow_answer_counts_from_the_planned_moment():
    """A stall of a quarter of a second: what should have been sent meanwhile has waited too."""

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(1000):
            await reader.readuntil(b"\r\n\r\n")
            if number == 10:
                await asyncio.sleep(0.25)
            writer.write(OK)

    taken = against_stream(stall, seconds=0.6, rate=200, connections=1)

    def slow(counted: Any) -> int:
        return sum(count for bucket, count in counted[0] if bucket_bounds(bucket)[0] > 50_000)

    assert slow(taken["latency"]) == 1
    assert slow(taken["corrected"]) > 20


# ---------------------------------------------------------------- answers of every kind


def test_chunked_interim_and_empty_answers():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: x\r\n\r\n"
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    taken = against_stream(script(OK, chunked, early, missing), limit=40)
    assert (taken["requests"], taken["errors"]) == (40, {})
    assert taken["answers"] == [0, 0, 30, 0, 10, 0]


def test_a_status_above_599_counts_as_a_5xx():
    own = b"HTTP/1.1 999 Own\r\nContent-Length: 0\r\n\r\n"
    taken = against_stream(script(OK, own), limit=40)
    assert (taken["requests"], taken["errors"]) == (40, {})
    assert taken["answers"] == [0, 0, 20, 0, 0, 20]


def test_answers_in_pieces():
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for i in range(len(OK)):
                writer.write(OK[i : i + 1])
                await writer.drain()
                await asyncio.sleep(0)

    taken = against_stream(drip, limit=5)
    assert (taken["requests"], taken["errors"]) == (5, {})


def test_an_answer_that_ends_with_its_connection():
    taken = against_stream(script(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", close=True), limit=6, identify="body")
    assert (taken["requests"], taken["connects"], taken["errors"]) == (6, 6, {})
    assert taken["backends"] == {b"until the end": 6}


def test_what_a_server_did_not_get_to_is_asked_again():
    last = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    taken = against_stream(script(OK, last), limit=20, depth=4)
    assert (taken["requests"], taken["errors"]) == (20, {})
    assert taken["repeated"] > 0


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "reset"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "short"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "short"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "short"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "malformed"),
        (b"nonsense\r\n\r\n", "malformed"),
    ],
    ids=range(8),
)
def test_errors_are_counted_by_kind(answer, kind):
    taken = against_stream(script(answer, close=True), limit=3)
    assert (taken["requests"], taken["errors"]) == (0, {kind: 3})
    assert taken["latency"] == ([], 0, 0)


def test_an_answer_that_nobody_asked_for():
    taken = against_stream(script(OK + OK), limit=2)
    assert taken["errors"].get("malformed")


def test_no_answer_is_a_time_out():
    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    taken = against_stream(silent, limit=2, connections=2, timeout=0.2)
    assert (taken["requests"], taken["errors"]) == (0, {"timeout": 2})


def test_nobody_there():
    async def run() -> Any:
        server, port = await listen(site())
        server.close()
        await server.wait_closed()
        return await loaded(port, limit=5, connections=2)

    taken = uvloop.run(run())
    assert (taken["requests"], taken["errors"]) == (0, {"connect": 5})


# ---------------------------------------------------------------- users


class Balancer:
    """Two backends behind one port. Who has a cookie stays, until `moves` of them are sent away, once each."""

    def __init__(self, moves: int = 0, with_new_cookie: bool = True) -> None:
        self.moves, self.with_new_cookie, self.next = moves, with_new_cookie, 0
        self.seen: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            cookie = next((line[8:] for line in head.split("\r\n") if line.startswith("Cookie: ")), "")
            self.seen.append(cookie)
            name = cookie.partition("srv=")[2].partition(";")[0]
            extra = ""
            if name and self.moves:
                self.moves -= 1
                name = "ba"["ab".index(name)]
                extra = f"Set-Cookie: srv={name}; Path=/\r\n" if self.with_new_cookie else ""
            elif not name:
                name = "ab"[self.next % 2]
                self.next += 1
                extra = f"Set-Cookie: srv={name}; Path=/; HttpOnly\r\n"
            writer.write(f"HTTP/1.1 200 OK\r\nX-B: {name}\r\n{extra}Content-Length: 1\r\n\r\n{name}".encode())


@pytest.mark.parametrize("identify", ["body", "header", "cookie"])
def test_users_who_stay(identify):
    balancer = Balancer()
    wanted = {"header": b"X-b", "cookie": b"srv", "body": b""}[identify]
    options = {"limit": 200, "connections": 4, "sessions": 10, "identify": identify, "wanted": wanted}
    taken = against_stream(balancer, cookies=b"theme=dark", **options)
    assert (taken["cookies_set"], taken["elsewhere"], taken["moved"]) == (10, 0, 0)
    assert set(taken["backends"]) == {b"a", b"b"}
    assert sum(taken["backends"].values()) == 200
    assert set(balancer.seen) == {"theme=dark", "theme=dark; srv=a", "theme=dark; srv=b"}


@pytest.mark.parametrize("identify", ["body", "cookie"])
def test_users_who_are_moved_with_a_new_cookie(identify):
    taken = against_stream(Balancer(moves=3), limit=200, connections=2, sessions=8, identify=identify)
    assert (taken["cookies_set"], taken["elsewhere"]) == (11, 3)
    assert 1 <= taken["moved"] <= 3


def test_users_who_are_answered_elsewhere_without_a_word():
    taken = against_stream(Balancer(5, False), limit=200, connections=1, sessions=1, identify="header", wanted=b"x-b")
    assert (taken["cookies_set"], taken["elsewhere"], taken["moved"]) == (1, 5, 1)


def test_a_cookie_that_is_taken_back_is_not_sent_again():
    seen: list[bytes] = []
    answers = [b"Set-Cookie: a=1\r\n", b"Set-Cookie: a=; Max-Age=0\r\n", b""]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in answers:
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b"HTTP/1.1 204 No Content\r\n" + each + b"\r\n")

    against_stream(answer, limit=3, sessions=1)
    assert [b"Cookie: a=1" in each for each in seen] == [False, True, False]


def test_without_users_cookies_are_ignored():
    balancer = Balancer()
    taken = against_stream(balancer, limit=10, identify="body")
    assert (taken["cookies_set"], set(balancer.seen)) == (10, {""})


# ---------------------------------------------------------------- parts


def test_a_histogram_is_taken_once():
    histogram = Histogram()
    for value in (0, 31, 32, 1_000_000, 1 << 40):
        histogram.record(value)
    counts, total, longest = histogram.take()
    assert [bucket_bounds(bucket)[0] for bucket, _ in counts[:3]] == [0, 31, 32]
    assert (sum(n for _, n in counts), total, longest) == (5, 63 + 1_000_000 + (1 << 40), 1 << 40)
    assert histogram.take() == ([], 0, 0)


def test_requests_and_loads_that_make_no_sense():
    with pytest.raises(ValueError, match="empty line"):
        Request(b"GET / HTTP/1.1", b"\r\n")
    with pytest.raises(ValueError, match="at least one"):
        Load(None, None, None, [], connections=1)  # type: ignore[arg-type]
