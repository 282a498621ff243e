"""Counters and histograms in shared memory: buckets, users, and what a relay writes."""

from __future__ import annotations

import itertools
import mmap
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.core import _stats


@given(st.integers(0, 2**33))
def test_a_bucket_holds_its_value_and_is_narrow(value: int) -> None:
    bucket = _stats.bucket_of(value)
    low, high = _stats.bucket_bounds(bucket)
    if value < 2**32:
        assert low <= value <= high
        assert high - low <= max(0, low // 32)  # 3 % of the value
    else:
        assert bucket == _stats.BUCKETS - 1


def test_buckets_leave_no_gap() -> None:
    ends = [_stats.bucket_bounds(bucket) for bucket in range(_stats.BUCKETS)]
    assert ends[0][0] == 0
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(ends))
    assert ends[-1][1] == 2**32 - 1
    with pytest.raises(ValueError, match="bucket 896"):
        _stats.bucket_bounds(_stats.BUCKETS)


def test_a_region_is_of_one_size_and_begins_with_zeros() -> None:
    with pytest.raises(ValueError, match=f"has {_stats.REGION_SIZE} bytes, not 4096"):
        _stats.read_service(bytearray(4096), 0)
    with mmap.mmap(-1, _stats.REGION_SIZE) as region:
        counters, histograms = _stats.read_service(region, _stats.SERVICES - 1)
        assert counters["requests"] == counters["in_flight"] == 0
        assert set(counters["answers"]) == {0}
        assert histograms == {"first_byte": {}, "total": {}}
        assert _stats.read_backend(region, _stats.BACKENDS - 1)["outcomes"]["hit"] == 0
        for read, most in ((_stats.read_service, _stats.SERVICES), (_stats.read_backend, _stats.BACKENDS)):
            with pytest.raises(ValueError, match=f"series {most} is not one of"):
                read(region, most)


def test_clearing_touches_one_series_only() -> None:
    with mmap.mmap(-1, _stats.REGION_SIZE) as region:
        region[:] = b"\x01" * len(region)
        assert _stats.read_service(region, 3)[1]["total"] == dict.fromkeys(range(_stats.BUCKETS), 0x01010101)
        _stats.clear_service(region, 3)
        _stats.clear_backend(region, 7)
        assert [_stats.read_service(region, at)[0]["requests"] == 0 for at in (2, 3, 4)] == [False, True, False]
        assert [_stats.read_backend(region, at)["requests"] == 0 for at in (6, 7, 8)] == [False, True, False]


@pytest.mark.parametrize(
    ("mark", "series", "at", "size"),
    [
        (_stats.mark_service, 3, 3 * 8192, 7688),
        (_stats.mark_backend, 7, _stats.SERVICES * 8192 + 7 * 576, 520),
    ],
)
def test_a_mark_is_another_one_when_anything_has_changed(mark, series: int, at: int, size: int) -> None:
    with mmap.mmap(-1, _stats.REGION_SIZE) as region:
        first = mark(region, series)
        for place in range(at, at + size, 8):
            region[place] = 1
            assert mark(region, series) != first
            region[place] = 0
        assert mark(region, series) == first
        region[at - 8] = region[at + 8192] = 1  # others'
        assert mark(region, series) == first
        with pytest.raises(ValueError, match="is not one of"):
            mark(region, _stats.BACKENDS)


def registers(users: int, seed: int) -> bytes:
    """HyperLogLog registers of so many users, as the core fills them (7 bits choose, the rest is counted)."""
    rng = random.Random(seed)
    found = bytearray(128)
    for _ in range(users):
        value = rng.getrandbits(32)
        rest = value >> 7 | 1 << 25
        found[value & 127] = max(found[value & 127], (rest & -rest).bit_length())
    return bytes(found)


@pytest.mark.parametrize("users", [0, 1, 5, 20, 100, 1000, 100_000])
def test_users_are_estimated(users: int) -> None:
    """Five standard errors at the most; few users are counted nearly exactly."""
    estimate = _stats.count_sessions(registers(users, users))
    assert abs(estimate - users) <= max(1, 0.45 * users if users > 20 else 0.1 * users)


def test_the_union_of_two_workers() -> None:
    one, two = registers(500, 1), registers(500, 2)
    both = _stats.merge_sessions([one, two])
    assert both == bytes(map(max, one, two))
    assert _stats.merge_sessions([one, one]) == one
    assert _stats.merge_sessions([]) == bytes(128)
