from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.quantities import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("250ms", 0.25), ("2m", 120), ("1m30s", 90), ("1h", 3600), ("1.5s", 1.5), ("0", 0), ("15", 15)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10x", "-1s", "s", "1 s", "1s2", "ten", "1e3s", "٣s"])
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="write it as 10s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("8192", 8192), ("64k", 65536), ("64K", 65536), ("10MiB", 10485760), ("1g", 1 << 30), ("1.5k", 1536), ("12b", 12)],
)
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1t", "64kk"])
def test_what_is_no_size_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="write it as 8192"):
        parse_size(text)


@given(st.integers(0, 10**9).map(lambda number: number / 1000))
def test_a_duration_is_read_as_it_was_written(seconds):
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-5, abs=1e-6)


@given(st.integers(0, 2**40))
def test_a_size_is_read_as_it_was_written(size):
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(("seconds", "text"), [(0.25, "250ms"), (90, "90s"), (120, "2m"), (3600, "1h"), (0, "0")])
def test_durations_are_written_shortly(seconds, text):
    assert format_duration(seconds) == text
