from __future__ import annotations

import pytest

from faststicky.check.rule_words import in_words
from faststicky.labels.rules import parse_expression, parse_traefik1


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("PathPrefix(`/`)", "every request"),
        ("Host(`a.org`) || PathPrefix(`/`)", "every request"),
        ("Host(`a.org`, `B.org`)", "the host is a.org or b.org"),
        ("Host(`*.a.org`)", "the host is below a.org"),
        (
            "Host(`a`) && (PathPrefix(`/x`) || Method(`get`))",
            "the host is a and the path begins with /x, or the host is a and the method is GET",
        ),
        ("!Path(`/a`, `/b`)", "the path is not /a or /b"),
        ("!Host(`a`) && !PathPrefix(`/x`)", "the host is not a and the path does not begin with /x"),
    ],
)
def test_expressions(rule, words):
    assert in_words(parse_expression(rule)) == words


def test_rules_of_traefik_1():
    assert in_words(parse_traefik1("Host:a,b;PathPrefix:/x")) == "the host is a or b and the path begins with /x"
