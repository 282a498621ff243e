"""The compiled cookie scanner against the plain-Python twin."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

import twin.cookie
from faststicky.core import _cookie

checked = settings(max_examples=1000, derandomize=True, database=None)

names = st.sampled_from([b"s", b"sticky", b"_a49bc", b"a"])
parts = st.sampled_from(
    [b"s", b"sticky", b"_a49bc", b"a", b"S", b"x", b"=", b"=", b"=", b";", b"; ", b" ", b"\t", b'"', b",", b"\x80"]
)  # fmt: skip
fields = st.lists(parts, max_size=24).map(b"".join) | st.binary(max_size=24)


@checked
@given(fields, names)
@example(b"", b"s")
@example(b"s", b"s")
@example(b"s=", b"s")
@example(b's="', b"s")
@example(b" s = 1 ;", b"s")
def test_like_the_twin(value: bytes, name: bytes) -> None:
    assert _cookie.find(value, name) == twin.cookie.find(value, name)
    assert _cookie.strip(value, name) == twin.cookie.strip(value, name)
    assert _cookie.strip(value, name, search=False) == twin.cookie.strip(value, name)


@checked
@given(fields, names)
def test_what_was_stripped_is_found_no_more_and_the_rest_still_is(value: bytes, name: bytes) -> None:
    left = _cookie.strip(value, name)
    assert _cookie.find(left, name) is None
    assert len(left) <= len(value)
    for other in (b"other", b"x", b"S"):
        assert _cookie.find(left, other) == _cookie.find(value, other)


cookie_octets = st.text("abcXYZ0129!#$%&'()*+-./:<=>?@[]^_`{|}~", max_size=12).map(str.encode)


@checked
@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"s", b"s2"]), cookie_octets), max_size=6))
def test_fields_as_browsers_write_them(cookies: list[tuple[bytes, bytes]]) -> None:
    """RFC 6265, section 5.4: pairs joined by "; "."""
    value = b"; ".join(name + b"=" + text for name, text in cookies)
    ours = [text for name, text in cookies if name == b"s"]
    assert _cookie.find(value, b"s") == (ours[0] if ours else None)
    assert _cookie.strip(value, b"s") == b"; ".join(name + b"=" + text for name, text in cookies if name != b"s")
