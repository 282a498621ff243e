"""A Docker engine for each test that wants one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.discovery.engine import Engine, running_engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="fs-") as directory, running_engine(Path(directory, "d.sock")) as engine:
        yield engine
