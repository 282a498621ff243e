"""A rule, as it is understood, in words."""

from __future__ import annotations

from faststicky.labels.rules import Alternatives
from faststicky.model import Matcher

_VERBS = {
    "host": ("the host is", "the host is not"),
    "host_suffix": ("the host is below", "the host is not below"),
    "path": ("the path is", "the path is not"),
    "path_prefix": ("the path begins with", "the path does not begin with"),
    "method": ("the method is", "the method is not"),
}
_EVERYTHING = Matcher("path_prefix", ("/",))


def in_words(alternatives: Alternatives) -> str:
    """ "the host is a.org and the path begins with /x, or the method is GET"."""
    if (_EVERYTHING,) in alternatives:
        return "every request"
    return ", or ".join(" and ".join(_condition(matcher) for matcher in every) for every in alternatives)


def _condition(matcher: Matcher) -> str:
    values = [value.removeprefix(".") if matcher.kind == "host_suffix" else value for value in matcher.values]
    return f"{_VERBS[matcher.kind][matcher.negate]} {' or '.join(values)}"
