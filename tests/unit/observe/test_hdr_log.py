from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from faststicky.observe import hdr_log
from faststicky.observe.log_report import Report
from faststicky.observe.report_output import as_data
from unit.observe.logs import START, access, stats


def read(path: Path) -> Iterator[HdrHistogram]:
    """As another program would."""
    reader = HistogramLogReader(str(path), HdrHistogram(1, hdr_log.LONGEST, hdr_log.DIGITS))
    while (interval := reader.get_next_interval_histogram()) is not None:
        yield interval
    reader.close()


def merged(path: Path) -> dict[str, HdrHistogram]:
    """By tag."""
    found: dict[str, HdrHistogram] = {}
    for interval in read(path):
        found.setdefault(interval.get_tag(), HdrHistogram(1, hdr_log.LONGEST, hdr_log.DIGITS)).add(interval)
    return found


def written(path: Path, report: Report) -> Path:
    with path.open("w") as file:
        hdr_log.write(file, report)
    return path


def test_counts():
    found = hdr_log.to_hdr([(0, 1), (100, 2), (100_000, 1), (10**12, 1)])
    assert found.get_total_count() == 5
    assert found.get_value_at_percentile(50) == 100
    assert found.get_max_value() == pytest.approx(hdr_log.LONGEST, rel=0.001)


def test_what_others_read_is_what_we_say_of_all_nodes_together(tmp_path):
    report = Report(keep_intervals=True)
    for node, base in (("a", 1), ("b", 40)):
        for second in (10, 20, 30):
            report.add_all(stats(node, second, tuple(base + n * n for n in range(30))))
    found = merged(written(tmp_path / "log", report))
    assert sorted(found) == ["first_byte", "total", "web/first_byte", "web/total"]
    web = as_data(report)["services"]["web"]
    for kind in ("first_byte", "total"):
        for tag in (kind, f"web/{kind}"):
            assert found[tag].get_total_count() == 180
            for name, percent in (("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("max", 100)):
                assert found[tag].get_value_at_percentile(percent) / 1000 == pytest.approx(
                    web[f"{kind}_ms"][name], rel=0.001
                )


def test_steps_of_several_nodes_meet_and_are_in_order(tmp_path):
    report = Report(keep_intervals=True)
    for node, late in (("a", 0), ("b", 2)):
        for second in (10, 20, 40):
            report.add_all(stats(node, second + late, (5, 7)))
    intervals = [each for each in read(written(tmp_path / "log", report)) if each.get_tag() == "web/total"]
    begins = [each.get_start_time_stamp() / 1000 - START.timestamp() for each in intervals]
    assert begins == [0, 10, 30]
    assert [each.get_total_count() for each in intervals] == [4, 4, 4]
    assert {each.get_end_time_stamp() - each.get_start_time_stamp() for each in intervals} == {10_000}


def test_a_long_time_is_put_together(tmp_path):
    report = Report(keep_intervals=True)
    for second in range(0, 30_000, 10):
        report.add_all(stats("a", second, (5,)))
    intervals = [each for each in read(written(tmp_path / "log", report)) if each.get_tag() == "total"]
    assert len(intervals) <= hdr_log.STEPS + 1
    assert sum(each.get_total_count() for each in intervals) == 3000


def test_without_statistics_lines_it_is_the_access_lines(tmp_path):
    report = Report(keep_intervals=True)
    report.add_all([access(second, first=5.0, total=float(second)) for second in range(1, 11)])
    found = merged(written(tmp_path / "log", report))
    assert found["web/total"].get_total_count() == 10
    assert found["web/total"].get_max_value() / 1000 == pytest.approx(10, rel=0.04)


def test_names_that_would_end_a_tag(tmp_path):
    report = Report(keep_intervals=True)
    report.add_all([access(1, service="a,b\n c")])
    assert "a_b_c/total" in merged(written(tmp_path / "log", report))


def test_nothing_is_a_log_without_intervals():
    file = io.StringIO()
    hdr_log.write(file, Report(keep_intervals=True))
    assert "Tag=" not in file.getvalue()
