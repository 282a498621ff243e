"""Errors for people: where, what, remedy."""

from __future__ import annotations

import pytest

from faststicky.errors import ConfigError, DiscoveryError, FaststickyError, LabelError


@pytest.mark.parametrize(
    ("where", "remedy", "text"),
    [
        ("", "", "port 0 is out of range"),
        ("--listen", "", "--listen: port 0 is out of range"),
        ("", "choose 1 to 65535", "port 0 is out of range; choose 1 to 65535"),
        ("--listen", "choose 1 to 65535", "--listen: port 0 is out of range; choose 1 to 65535"),
    ],
)
def test_an_error_says_where_what_and_what_to_do(where: str, remedy: str, text: str):
    error = ConfigError("port 0 is out of range", where=where, remedy=remedy)
    assert str(error) == text
    assert (error.what, error.where, error.remedy) == ("port 0 is out of range", where, remedy)


@pytest.mark.parametrize("kind", [ConfigError, LabelError, DiscoveryError])
def test_all_can_be_caught_as_one(kind: type[FaststickyError]):
    with pytest.raises(FaststickyError, match="what"):
        raise kind("what")
