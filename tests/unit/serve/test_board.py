from __future__ import annotations

from faststicky.control.overrides import Drained
from faststicky.model import CookiePolicy
from faststicky.serve.board import Board, cookie_info
from unit.control.worlds import backend, snapshot
from unit.control.worlds import service as of_world
from unit.observe.samples import sample, service, task

WORLD = snapshot(
    of_world(
        backend("a"),
        backend("b", state="draining", reason="stopping"),
        backend("c", state="leaving", reason="node-down"),
        name="web",
    )
)
BY_HAND = {"b": Drained(name="b", since=1.0)}


def board(**changes: object) -> Board:
    total = service("web", task("a", 40, answers=[0, 0, 30, 0, 0, 10], in_flight=2), millis=(5,), requests=100)
    lately = service("web", task("a", 4), millis=(5, 20), requests=10)
    given = {
        "generation": 3,
        "snapshot": WORLD,
        "drained": {},
        "totals": sample(service(""), total),
        "lately": sample(service(""), lately, seconds=5.0),
    }
    return Board(**{**given, **changes})  # type: ignore[arg-type]


def test_totals_and_rates():
    (web,) = board().services()
    assert (web.counts.requests, web.counts.rate) == (100, 2.0)
    assert web.first_byte_ms.max is not None
    assert 20 <= web.first_byte_ms.max <= 21
    first = web.backends[0]
    assert (first.counts.requests, first.counts.rate, first.counts.errors, first.counts.in_flight) == (40, 0.8, 10, 2)
    assert web.backends[1].counts.requests == 0


def test_why_a_backend_takes_no_new_sessions():
    whys = [one.why for one in board().backends()]
    assert whys == ["", "is being stopped; keeps its users", "its node is down; its users move"]
    assert [one.drained for one in board(drained=BY_HAND).backends()] == [False, True, False]


def test_before_there_is_anything():
    empty = board(snapshot=None, totals=None, lately=None)
    assert (empty.services(), empty.backends(), empty.routes(), empty.sessions()) == ([], [], [], [])
    (web,) = board(totals=None, lately=None).services()
    assert (web.counts.requests, web.counts.rate, web.hit_rate, web.first_byte_ms.p50) == (0, 0.0, None, None)


def test_cookies():
    assert cookie_info(CookiePolicy(name="c", domain="example.com")).domain == "example.com"
