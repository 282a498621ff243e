from __future__ import annotations

from collections.abc import Iterator

import pytest

from relay.lab import Lab, Loop


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """The event loop's thread, for all tests of this directory."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def lab(loop: Loop) -> Iterator[Lab]:
    """Relays and backends; at the end nothing of them may be left."""
    lab = Lab(loop)
    yield lab
    lab.close()
