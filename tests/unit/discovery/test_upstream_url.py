"""URLs of static backends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.discovery import upstream_url
from faststicky.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://10.0.0.5:8000", ("http://10.0.0.5:8000", "10.0.0.5", 8000)),
        ("http://App_1.local/", ("http://app_1.local:80", "app_1.local", 80)),
        ("127.0.0.1:9001", ("http://127.0.0.1:9001", "127.0.0.1", 9001)),
        ("http://[::1]:9001", ("http://[::1]:9001", "::1", 9001)),
    ],
)
def test_parse(text, expected):
    assert upstream_url.parse(text, "--backend") == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("https://a", "scheme https"),
        ("http://a/b", "more than a host"),
        ("http://u:p@a", "more than a host"),
        ("http://a?b", "more than a host"),
        ("http://", "no usable host"),
        ("http://a b", "no usable host"),
        ("http://a..b", "no usable host"),
        ("http://a.:b", "not a URL"),
        (f"http://{'a' * 64}.b", "no usable host"),
        (f"http://{'a.' * 127}b", "no usable host"),
        ("http://a:0", "has port 0"),
        ("http://a:99999", "not a URL"),
        ("http://[::1", "not a URL"),
    ],
)
def test_wrong(text, says):
    with pytest.raises(ConfigError, match=says) as caught:
        upstream_url.parse(text, "--backend")
    assert caught.value.where == "--backend"
    assert "http://HOST:PORT" in caught.value.remedy


def outcome(text):
    try:
        return upstream_url.parse(text, "x")
    except ConfigError as error:
        return error


@given(st.one_of(st.text(max_size=30), st.text(max_size=30).map("http://".__add__)))
def test_any_text_is_a_url_or_a_config_error(text):
    result = outcome(text)
    assert isinstance(result, ConfigError) or (1 <= result[2] <= 65535 and result[1])
