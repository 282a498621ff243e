"""Variables of stack files. The expected values are those of `docker stack config` of Docker 28.2."""

from __future__ import annotations

import pytest

from faststicky.check.variables import substitute

ENVIRONMENT = {"SET": "s", "EMPTY": "", "A-x": "q"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$SET", "s"),
        ("${SET}", "s"),
        ("${SET:-d}", "s"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${NO:-d}", "d"),
        ("${NO-d}", "d"),
        ("${NO:-}", ""),
        ("${NO:-a$SETb}", "a$SETb"),
        ("${NO:-${SET}}", "${SET}"),
        ("${NO-a?b}", "a?b"),
        ("${NO:-a:-b}", "a:-b"),
        ("$SET:-d}x", "s}x"),
        ("$SET-x", "s"),
        ("$NO-x", "x"),
        ("${A-x:-y}", "q"),
        ("${SET:?it has to be}", "s"),
        ("${EMPTY?it has to be}", ""),
        ("$$SET $$", "$SET $"),
        ("$$$SET", "$s"),
        ("Host(`a.${SET}.org`)", "Host(`a.s.org`)"),
        ("nothing", "nothing"),
    ],
)
def test_values(text, value):
    assert substitute(text, ENVIRONMENT) == (value, [])


def test_variables_that_are_not_set_are_named():
    assert substitute("user:$apr1$k.d/$SET ${lower}", ENVIRONMENT) == ("user:.d/s ", ["apr1", "k", "lower"])


@pytest.mark.parametrize("text", ["$", "a$", "$1", "${", "${}", "${1}", "${SET:+x}", "100 $ a"])
def test_dollar_signs_that_begin_nothing(text):
    with pytest.raises(ValueError, match=r"write \$\$"):
        substitute(text, ENVIRONMENT)


@pytest.mark.parametrize("text", ["${NO:?give a host}", "${NO?give a host}", "${EMPTY:?give a host}"])
def test_variables_that_have_to_be_set(text):
    with pytest.raises(ValueError, match=r"has to be set \(give a host\); set it"):
        substitute(text, ENVIRONMENT)
