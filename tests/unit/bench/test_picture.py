from __future__ import annotations

from pathlib import Path

import pytest

from faststicky.bench import picture
from faststicky.errors import ConfigError
from unit.bench.builders import part, result

RUN = result(*(part(i / 4, *range(100, 1100), corrected=part(0, 5000).latency) for i in range(12)))


def test_percentiles_end_where_there_are_no_values():
    nines, milliseconds = picture.by_percentile(RUN)
    assert nines[-1] == 4.0  # of 12,000 values one in 10,000 is the last that says something
    assert milliseconds == sorted(milliseconds)
    assert milliseconds[10] == pytest.approx(1.0, rel=0.05)


def test_seconds():
    seconds, rate, median, slow = picture.over_time(RUN)
    assert (seconds, rate) == ([0, 1, 2], [4000.0] * 3)
    assert all(a < b for a, b in zip(median, slow, strict=True))


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_files(tmp_path, kind):
    path = tmp_path / f"run.{kind}"
    picture.check(path)
    picture.write(path, [RUN, RUN])
    assert path.read_bytes().startswith(b"\x89PNG" if kind == "png" else b"<?xml")


def test_no_other_kinds():
    with pytest.raises(ConfigError, match="neither"):
        picture.check(Path("run.gif"))


def test_in_the_terminal():
    text = picture.terminal(RUN, 80)
    assert "p99" in text
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
