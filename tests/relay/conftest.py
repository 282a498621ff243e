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


# Their tests are about how connections are read and end: uvloop reads them first, the relay once they are kept
READ_BY_BOTH = {"test_failures", "test_faulty_network", "test_last_answer", "test_pieces", "test_pipelining", "test_pressure",
                "test_tunnels", "test_vanishing"}  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "lab" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in READ_BY_BOTH:
        metafunc.parametrize("lab", ["uvloop", "relay"], indirect=True)


@pytest.fixture
def lab(loop: Loop, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Relays and backends; at the end nothing of them may be left."""
    lab = Lab(loop, 0 if getattr(request, "param", "uvloop") == "relay" else None)
    yield lab
    lab.close()
