from __future__ import annotations

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from faststicky.bench import hdr
from unit.bench.builders import histogram, part, result


def test_the_same_counts():
    found = hdr.hdr_of(histogram(0, 100, 100_000, 10**12))
    assert found.get_total_count() == 4
    assert found.get_value_at_percentile(50) == pytest.approx(100, rel=0.04)


def test_a_log_that_the_library_reads_again(tmp_path):
    path = tmp_path / "run.hlog"
    hdr.write_log(path, result(part(0, 1, phase="warm-up"), part(1, 10, 20), part(1.5, 30), part(2.1, 40_000)))
    reader = HistogramLogReader(str(path), HdrHistogram(1, hdr.LONGEST, 3))
    found = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        found.append((interval.get_total_count(), interval.get_max_value()))
    reader.close()
    assert [count for count, _ in found] == [3, 1]
    assert found[1][1] == pytest.approx(40_000, rel=0.01)
