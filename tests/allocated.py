"""A fixture for every test of some folders: no C memory of the core is left behind. Their conftest.py imports it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from faststicky.core._memory import live


@pytest.fixture(autouse=True)
def nothing_allocated_is_left() -> Iterator[None]:
    """What a test made is gone with it; what a fixture of several tests made was there before."""
    before = live()
    yield
    if live() != before:
        gc.collect()
    assert live() == before, "blocks and bytes of C memory that are left"
