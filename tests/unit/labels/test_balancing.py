"""How labels say how new sessions are spread."""

from __future__ import annotations

import pytest

from faststicky.errors import LabelError
from faststicky.labels import balancing
from faststicky.labels.dialects import read
from faststicky.model import Balancing

NATIVE = {"faststicky.port": "8000", "faststicky.rule": "PathPrefix(`/`)"}
TRAEFIK = {"traefik.port": "8000", "traefik.frontend.rule": "PathPrefix:/"}
ALL = {
    "faststicky.balance": "Hash",
    "faststicky.hash": "Header:X-User",
    "faststicky.max-concurrent": "50",
    "faststicky.max-queued": "7",
    "faststicky.queue-timeout": "2s",
    "faststicky.slow-start": "1m",
    "faststicky.prefer": "node",
}
MEANS = Balancing(
    balance="hash",
    hash_key="header:X-User",
    max_concurrent=50,
    max_queued=7,
    queue_timeout=2.0,
    slow_start=60.0,
    prefer_local=True,
)


@pytest.mark.parametrize("base", [NATIVE, TRAEFIK])
def test_they_may_stand_beside_any_dialect(base: dict[str, str]) -> None:
    reading, warnings = read("web", {**base, **ALL})
    assert reading is not None
    assert (reading.balancing, warnings) == (MEANS, ())
    plain, _ = read("web", base)
    assert plain is not None
    assert plain.balancing == Balancing()


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("balance", "fastest", "write one of wrr, least, p2c, random, hash"),
        ("hash", "cookie:x", "write address, header:NAME or query:NAME"),
        ("hash", "header:", "write address, header:NAME or query:NAME"),
        ("hash", "query:\u65e5", "write address, header:NAME or query:NAME"),
        ("hash", "query:\x7f", "write address, header:NAME or query:NAME"),
        ("max-concurrent", "-1", "from 0 to 1000000"),
        ("queue-timeout", "2h", "write at most 300s"),
        ("slow-start", "soon", "write for example 10s"),
        ("prefer", "rack", "write node or none"),
    ],
)
def test_a_wrong_value_is_one_warning_and_its_default(key: str, value: str, remedy: str) -> None:
    reading, (warning,) = read("web", {**NATIVE, "faststicky.balance": "hash", f"faststicky.{key}": value})
    assert reading is not None
    assert (warning.service, warning.label, warning.value) == ("web", f"faststicky.{key}", value)
    assert remedy in warning.text
    assert reading.balancing == Balancing(balance="wrr" if key == "balance" else "hash")


def test_a_key_without_hashing_is_pointed_out() -> None:
    _, (warning,) = read("web", {**NATIVE, "faststicky.hash": "query:id"})
    assert "no effect without faststicky.balance=hash" in warning.text


def test_keys() -> None:
    assert balancing.hash_key(" Address ") == ""
    assert balancing.hash_key("QUERY:User") == "query:User"
    assert balancing.hold("5s") == 5.0
    with pytest.raises(LabelError):
        balancing.hold("1h")
