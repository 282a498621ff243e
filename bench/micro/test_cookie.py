"""Finding and cutting one cookie among many."""

from __future__ import annotations

from typing import Any

import pytest

from faststicky.core import _cookie

TOKEN = b"00112233445566778899aabbccddeeff"


def field(others: int) -> bytes:
    """Ours behind `others` more."""
    return b"; ".join([*(b"name%d=a-value-of-some-length-%d" % (i, i) for i in range(others)), b"stick=" + TOKEN])


@pytest.mark.parametrize("others", [0, 3, 30])
def test_find(benchmark: Any, others: int) -> None:
    benchmark.group = "cookie"
    assert benchmark(_cookie.find, field(others), b"stick") == TOKEN


@pytest.mark.parametrize("others", [0, 3, 30])
def test_strip(benchmark: Any, others: int) -> None:
    benchmark.group = "cookie"
    assert TOKEN not in benchmark(_cookie.strip, field(others), b"stick")
