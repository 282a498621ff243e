from __future__ import annotations

import urllib.request

import pytest

from faststicky.bench.child import BenchError
from faststicky.bench.loopback import loopback


def test_a_proxy_before_backends():
    with loopback(2) as here:
        names = set()
        for _ in range(4):
            with urllib.request.urlopen(here.url, timeout=10) as answer:
                names.add(answer.read())
                assert answer.headers["Set-Cookie"]
        with urllib.request.urlopen(here.direct, timeout=10) as answer:
            assert answer.read() == b"I'm b1\n"
    assert names == {b"I'm b1\n", b"I'm b2\n"}
    with pytest.raises(OSError):
        urllib.request.urlopen(here.url, timeout=10)


def test_a_proxy_that_does_not_start():
    with pytest.raises(BenchError, match="exit code 2"), loopback(1, options=["--nonsense"]):
        raise AssertionError("it started")
