from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from faststicky.core._stats import bucket_of
from faststicky.observe.histogram import Histogram

microseconds = st.lists(st.integers(0, 2**31), min_size=1, max_size=200)


def of(values: list[int]) -> Histogram:
    return Histogram(Counter(map(bucket_of, values)))


@given(microseconds, st.sampled_from([1.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_percentiles_are_known_to_3_percent(values, percent):
    exact = sorted(values)[max(1, math.ceil(len(values) * percent / 100)) - 1]
    measured = of(values).percentile(percent)
    assert measured is not None
    assert exact <= round(measured * 1e6) <= exact * 1.032 + 1


@given(microseconds, microseconds)
def test_merging_is_exact(some, others):
    merged = of(some)
    merged.add(of(others))
    assert merged == of(some + others)
    assert merged.since(of(some)) == of(others)
    assert Histogram.decode(merged.encode()) == merged
    assert merged.count == len(some) + len(others)


def test_several_at_once_and_none():
    histogram = of([1000] * 99 + [50_000])
    low, high = histogram.percentiles((99.0, 100.0))
    assert (round(low, 3), round(high, 2)) == (0.001, 0.05)
    assert list(Histogram().percentiles((50.0, 100.0))) == [None, None]


def test_a_difference_is_never_negative():
    assert of([5]).since(of([5, 5, 6])) == Histogram()
