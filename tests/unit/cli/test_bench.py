from __future__ import annotations

import pytest
from click.testing import CliRunner

from faststicky.bench.session import Order
from faststicky.cli import main


@pytest.fixture
def ordered(monkeypatch) -> list[Order]:
    """What would have been carried out."""
    found: list[Order] = []
    monkeypatch.setattr("faststicky.bench.session.carry_out", lambda order: found.append(order) or 0)
    monkeypatch.setattr("faststicky.bench.session.against_ourselves", lambda order, *_: found.append(order) or 0)
    return found


def run(*args: str) -> int:
    return CliRunner().invoke(main, ["bench", *args]).exit_code


def test_defaults(ordered):
    assert run("http://127.0.0.1:81/x") == 0
    plan = ordered[0].plan
    assert (plan.method, plan.target.path, plan.connections, plan.sessions, plan.rate) == ("GET", "/x", 64, 64, 0)
    assert (plan.duration, plan.warm_up, plan.identify) == (10.0, 1.0, "cookie")


def test_every_option_arrives(ordered, tmp_path):
    file = tmp_path / "body"
    file.write_bytes(b"hello")
    assert run(
        "127.0.0.1", "--method", "put", "--path", "/a", "--path", "/b", "--header", "A: b", "--body", str(file),
        "--connections", "5", "--rate", "10", "--duration", "500ms", "--warm-up", "0", "--timeout", "2s",
        "--pipeline", "3", "--close-ratio", "0.5", "--processes", "2", "--sessions", "9", "--identify", "header:X-B",
        "--compare", "http://127.0.0.2/", "--rounds", "4", "--json", "--picture", "x.svg", "--plot",
        "--fail-on-errors", "--insecure",
    ) == 0  # fmt: skip
    order, plan = ordered[0], ordered[0].plan
    assert (plan.method, plan.paths, plan.headers, plan.body) == ("PUT", ("/a", "/b"), (("A", "b"),), b"hello")
    assert (plan.connections, plan.rate, plan.duration, plan.warm_up, plan.timeout) == (5, 10, 0.5, 0, 2)
    assert (plan.depth, plan.close_ratio, plan.sessions, plan.insecure) == (3, 0.5, 9, True)
    assert (plan.identify, plan.wanted) == ("header", "X-B")
    assert (order.processes, order.compare, order.rounds) == (2, ("http://127.0.0.2/",), 4)
    assert (order.as_json, order.picture, order.plot, order.fail_on_errors) == (True, "x.svg", True, True)


def test_meanings(ordered):
    assert run("127.0.0.1", "--requests", "5", "--close", "--body", "@1k") == 0
    assert run("--self", "--websocket", "--during", "true", "--hdr", "f") == 0
    first, second = ordered
    assert (first.plan.requests, first.plan.duration, first.plan.warm_up) == (5, 0, 0)
    assert (first.plan.close_ratio, first.plan.method, len(first.plan.body)) == (1.0, "POST", 1024)
    assert (second.plan.websocket, second.plan.method, second.during, second.hdr) == (True, "GET", "true", "f")


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["127.0.0.1", "--self"],
        ["ftp://a/"],
        ["127.0.0.1", "--identify", "header"],
        ["127.0.0.1", "--identify", "mood"],
        ["127.0.0.1", "--header", "nothing"],
        ["127.0.0.1", "--header", "A: b\r\nC: d"],
        ["127.0.0.1", "--path", "a"],
        ["127.0.0.1", "--body", "/does/not/exist"],
        ["127.0.0.1", "--connections", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(ordered, args):
    assert run(*args) == 2
    assert ordered == []
