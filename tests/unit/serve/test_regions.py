from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

import pytest

from faststicky.core import _stats
from faststicky.serve.regions import Regions


@pytest.fixture
def regions():
    regions = Regions()
    yield regions
    regions.close()


def count(memory: mmap.mmap, offset: int = 0) -> None:
    """As a worker does: any word of the series will do."""
    struct.pack_into("Q", memory, offset, struct.unpack_from("Q", memory, offset)[0] + 1)


def test_a_worker_sees_the_same_pages(regions):
    region = regions.acquire()
    with mmap.mmap(region.fd, _stats.REGION_SIZE) as worker:
        count(worker)
    assert region.memory[:8] != bytes(8)


def test_nobody_shares_one_while_it_is_in_use(regions):
    first, second = regions.acquire(), regions.acquire()
    assert first is not second
    regions.release(first)
    assert regions.acquire() is first
    assert list(regions) == [first, second]


def test_it_takes_memory_only_where_something_is_counted(regions):
    region = regions.acquire()
    assert os.fstat(region.fd).st_size == _stats.REGION_SIZE
    _stats.read_service(region.memory, 7)
    assert os.fstat(region.fd).st_blocks * 512 < 1_000_000


def test_a_series_is_cleared_everywhere(regions):
    for region in (regions.acquire(), regions.acquire()):
        region.memory[:] = b"\x01" * _stats.REGION_SIZE
    regions.clear_service(3)
    regions.clear_backend(5)
    for region in regions:
        assert _stats.read_service(region.memory, 3)[0]["requests"] == 0
        assert _stats.read_backend(region.memory, 5)["requests"] == 0
        assert _stats.read_backend(region.memory, 6)["requests"] > 0


def test_nothing_is_left_open():
    before = set(Path("/proc/self/fd").iterdir())
    regions = Regions()
    regions.acquire()
    regions.close()
    assert set(Path("/proc/self/fd").iterdir()) == before
