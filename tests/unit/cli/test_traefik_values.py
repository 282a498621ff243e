from __future__ import annotations

import pytest

from faststicky.cli.traefik_values import attempts, duration, idle_connections, log_level, truth


@pytest.mark.parametrize("text", ["1", "t", "true", "True", "TRUE"])
def test_true(text):
    assert truth(text) is True


@pytest.mark.parametrize("text", ["0", "f", "false", "False"])
def test_false(text):
    assert truth(text) is False


def test_neither():
    with pytest.raises(ValueError, match="'maybe' is neither true nor false"):
        truth("maybe")


@pytest.mark.parametrize(("text", "ours"), [("180", "3m"), ("1m30s", "90s"), ("500ms", "500ms"), ("0", "0")])
def test_durations(text, ours):
    assert duration(text) == ours


def test_tries_and_connections():
    assert [attempts(text) for text in ("3", "1", "0")] == ["2", "0", None]
    assert [idle_connections(text) for text in ("200", "0", "-1")] == ["200", None, None]
    with pytest.raises(ValueError):
        attempts("many")


@pytest.mark.parametrize(
    ("text", "ours"), [("DEBUG", "debug"), ("WARN", "warning"), ("Panic", "error"), ("trace", "debug")]
)
def test_log_levels(text, ours):
    assert log_level(text) == ours


def test_a_log_level_of_nobody():
    with pytest.raises(ValueError, match="'loud' is not a log level"):
        log_level("loud")
