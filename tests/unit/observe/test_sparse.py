from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.observe.sparse import decode, encode


@given(st.dictionaries(st.integers(0, 895), st.integers(1, 2**63)))
def test_there_and_back(values):
    assert decode(encode(values), 896) == values


def test_the_written_form_does_not_change():
    assert encode({}) == "1."
    assert encode({0: 1, 1: 2, 40: 300, 41: 0}) == "1.AAEAAiasAg"
    assert decode("1.AAEAAiasAg", 41) == {0: 1, 1: 2, 40: 300}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "unknown scheme"),
        ("2.AAE", "unknown scheme '2'"),
        ("1.A=E", "not base64url"),
        ("1.AA", "middle of a place"),
        ("1.AIA", "middle of a number"),
        ("1.AAA", "value 0"),
        ("1.KQE", "no place 41"),
        ("1.gICAgICAgICAgICAAQE", "more than 64 bits"),
    ],
)
def test_what_is_not_counts(text, why):
    with pytest.raises(ValueError, match=why):
        decode(text, 41)
