from __future__ import annotations

import msgspec
import pytest

from faststicky.bench.slices import Histogram, Slice, total
from faststicky.core._load import Histogram as Counting
from unit.bench.builders import histogram, part


def test_percentiles_are_right_to_three_percent():
    values = [k * 37 for k in range(1, 1001)]
    found = histogram(*values)
    for share in (0.01, 0.5, 0.9, 0.999, 1.0):
        assert found.percentile(share) == pytest.approx(values[int(share * 1000) - 1], rel=0.035)
    assert (found.count, found.longest, found.mean) == (1000, 37_000, sum(values) / 1000)


def test_nothing_counted():
    empty = Histogram()
    assert (empty.count, empty.mean, empty.percentile(0.99), list(empty.values())) == (0, 0.0, 0, [])


def test_merged_histograms_are_that_of_all_values():
    both = histogram(1, 10, 1000)
    both.add(histogram(10, 99_999))
    assert both == histogram(1, 10, 1000, 10, 99_999)


def test_the_longest_value_is_exact():
    assert histogram(123_457).percentile(1.0) == 123_457


def test_sums():
    whole = total([part(0, 1, 2, errors={"reset": 1}), part(0.25, 3, errors={"reset": 2, "short": 1}, moved=4)])
    assert (whole.begin, whole.end, whole.requests, whole.moved) == (0, 0.5, 3, 4)
    assert whole.errors == {"reset": 3, "short": 1}
    assert whole.latency == histogram(1, 2, 3)
    assert (total([]).begin, total([]).end) == (0, 0)


def test_bad_statuses_are_errors():
    assert Slice(errors={"reset": 1}, answers=[0, 0, 9, 0, 2, 1]).failures == {
        "reset": 1, "status 4xx": 2, "status 5xx": 1,
    }  # fmt: skip


def test_through_json():
    counting = Counting()
    counting.record(70)
    taken = dict.fromkeys(("requests", "bytes_in", "bytes_out", "connects", "repeated", "cookies_set"), 1)
    taken |= {"elsewhere": 0, "moved": 0, "errors": {}, "answers": [0, 0, 1, 0, 0, 0], "backends": {b"I'm a\n": 1}}
    taken |= {"latency": counting.take(), "corrected": counting.take(), "late": counting.take()}
    found = Slice.of(taken, "run", 1.0, 1.25, 0.1)
    assert (found.latency, found.backends) == (histogram(70), {"I'm a": 1})
    assert msgspec.json.decode(msgspec.json.encode(found), type=Slice) == found
