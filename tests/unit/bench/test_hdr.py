from __future__ import annotations

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from faststicky.bench import hdr
from faststicky.observe import hdr_log
from unit.bench.builders import part, result


def test_a_log_that_the_library_reads_again(tmp_path):
    path = tmp_path / "run.hlog"
    hdr.write_log(path, result(part(0, 1, phase="warm-up"), part(1, 10, 20), part(1.5, 30), part(2.1, 40_000)))
    reader = HistogramLogReader(str(path), HdrHistogram(1, hdr_log.LONGEST, 3))
    found = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        found.append((interval.get_total_count(), interval.get_max_value()))
    reader.close()
    assert [count for count, _ in found] == [3, 1]
    assert found[1][1] == pytest.approx(40_000, rel=0.01)
