r"""Routing rules, from text to the disjunctive normal form that the compiled table matches.

Two notations, one meaning. Traefik 3's: Host(`a.org`, `*.b.org`) && (PathPrefix(`/x`) || !Method(`GET`)); arguments may
be in backticks, double or single quotes, and several arguments of one function are alternatives. Traefik 1's:
Host:a.org,b.org;PathPrefix:/x, where "," is or and ";" is and. Only these functions are understood:

    Host        the host, without port, in any case; *.b.org: one or more labels before .b.org
    HostRegexp  any host (.+, .*, {name:.+}), or any below a domain (.+\.b\.org, {name:.+}.b.org), with or without ^ and $
    Path        the path, exactly
    PathPrefix  the path begins with the value: a plain string prefix, so /x also matches /xyz (as in Traefik)
    Method      the request method

Both forms of every part (it holds; it does not hold) are built bottom-up while the parser reduces, so that negation
costs nothing and no depth of nesting recurses. Sizes are bounded: the table matches alternatives one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from faststicky.errors import LabelError
from faststicky.labels.values import nearest, shown
from faststicky.model import Matcher

Alternatives = tuple[tuple[Matcher, ...], ...]
Kind = Literal["host", "host_suffix", "path", "path_prefix", "method"]

MAX_RULE = 8192  # characters
MAX_ALTERNATIVES = 64
MAX_MATCHERS = 64  # in one alternative

_EXPRESSION_GRAMMAR = r"""
    start: _either
    _either: either | _both
    _both: both | _not
    either: _either _OR _both
    both: _both _AND _not
    _not: inverse | call | "(" _either ")"
    inverse: "!" _not
    call: NAME "(" (STRING ("," STRING)*)? ")"
    NAME: /[A-Za-z][A-Za-z0-9]*/
    STRING: /`[^`]*`/ | /"[^"]*"/ | /'[^']*'/
    _OR: "||"
    _AND: "&&"
    %ignore /[ \t\r\n]+/
"""

_TRAEFIK1_GRAMMAR = r"""
    start: _all ";"?
    _all: all | term
    all: _all ";" term
    term: NAME ":" (VALUE ("," VALUE)*)?
    NAME: /[ \t]*[A-Za-z][A-Za-z0-9]*[ \t]*/
    VALUE: /[^,;]+/
"""

_SUPPORTED = ("Host", "HostRegexp", "Path", "PathPrefix", "Method")
_FUNCTIONS = {**{name.lower(): name for name in _SUPPORTED}, "hostheader": "Host"}  # Traefik 2 has both for one thing
_OF_TRAEFIK = (
    *("Headers", "Header", "HeadersRegexp", "HeaderRegexp", "Query", "QueryRegexp"),
    *("PathRegexp", "PathStrip", "PathStripRegex", "PathPrefixStrip", "PathPrefixStripRegex"),
    *("AddPrefix", "ReplacePath", "ReplacePathRegex", "ClientIP"),
)
_REMEDIES = {
    "pathprefixstrip": "use PathPrefix and let the application serve that prefix",
    "pathstrip": "use Path and let the application serve that path",
}
_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\]")
_ANY = r"\^?(?:\{[^{}:]*:\.[+*]\}|\.[+*])"
_ANY_HOST = re.compile(rf"{_ANY}\$?")
_ANY_BELOW = re.compile(rf"{_ANY}\\?\.(?P<domain>[a-z0-9_-]+(?:\\?\.[a-z0-9_-]+)*)\$?")
_METHOD = re.compile(r"[A-Z0-9!#$%&'*+.^_`|~-]{1,32}")
_PATH = re.compile(r"/[!-\"$->@-~]*")  # visible ASCII without "#" and "?"
_HOW = {
    "expression": "write for example Host(`a.example.com`) && PathPrefix(`/x`)",
    "traefik1": "write for example Host:a.example.com;PathPrefix:/x",
}
_TERMINALS = {
    "NAME": "a function name",
    "STRING": "a quoted value",
    "VALUE": "a value",
    "$END": "the end",
    "_OR": '"||"',
    "_AND": '"&&"',
    "LPAR": '"("',
    "RPAR": '")"',
    "COMMA": '","',
    "COLON": '":"',
    "SEMICOLON": '";"',
    "BANG": '"!"',
}


class _Formula(NamedTuple):
    """Alternatives under which a part of a rule holds, and under which it does not; None: too many to write down."""

    holds: Alternatives | None
    fails: Alternatives | None


def parse_expression(rule: str) -> Alternatives:
    """A rule in Traefik 3's notation. Raises LabelError with position and remedy."""
    return _parse("expression", rule)


def hosts(alternatives: Alternatives) -> set[str] | None:
    """The hosts that a rule is for, None for any. Patterns such as *.example.com count as any."""
    result: set[str] = set()
    for every in alternatives:
        named = [matcher for matcher in every if matcher.kind == "host" and not matcher.negate]
        if not named:
            return None
        result |= set(named[0].values)
    return result


def parse_traefik1(rule: str) -> Alternatives:
    """A rule in Traefik 1's notation. Raises LabelError with position and remedy."""
    return _parse("traefik1", rule)


def _parse(notation: str, rule: str) -> Alternatives:
    if not rule.strip():
        raise LabelError("the rule is empty", remedy=_HOW[notation])
    if len(rule) > MAX_RULE:
        raise LabelError(
            f"the rule has {len(rule)} characters, more than {MAX_RULE}", remedy="split it over several services"
        )
    try:
        formula: Any = _parser(notation).parse(rule)
    except UnexpectedInput as error:
        raise LabelError(_complaint(error, rule), remedy=_HOW[notation]) from None
    alternatives: Alternatives | None = formula.holds
    if alternatives is None:
        raise LabelError(
            f"the rule needs more than {MAX_ALTERNATIVES} alternatives or {MAX_MATCHERS} conditions in one of them",
            remedy="write alternatives as arguments of one function, or split the rule over several services",
        )
    return alternatives


@cache
def _parser(notation: str) -> Lark:
    grammar = _EXPRESSION_GRAMMAR if notation == "expression" else _TRAEFIK1_GRAMMAR
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Builder())


def _complaint(error: UnexpectedInput, rule: str) -> str:
    """What the parser stumbled over, in words; positions count from 1."""
    expected: set[str] = set()
    where = f"{shown(rule[error.pos_in_stream or 0 :][:12])} at position {(error.pos_in_stream or 0) + 1}"
    if isinstance(error, UnexpectedCharacters):
        expected = set(error.allowed or ())
    elif isinstance(error, UnexpectedToken):
        expected = set(error.expected)
    if isinstance(error, UnexpectedEOF) or (isinstance(error, UnexpectedToken) and error.token.type == "$END"):
        where = f"end of the rule after {len(rule)} characters"
    words = sorted(_TERMINALS.get(name, name) for name in expected)
    return f"unexpected {where}" + (f", expected {' or '.join(words)}" if words else "")


class _Builder(Transformer[Token, _Formula]):
    """Called for each reduction of the parser: combines formulas, so that no tree is ever kept."""

    def start(self, parts: list[_Formula]) -> _Formula:
        return parts[0]

    def either(self, parts: list[_Formula]) -> _Formula:
        a, b = parts
        return _Formula(_union(a.holds, b.holds), _product(a.fails, b.fails))

    def both(self, parts: list[_Formula]) -> _Formula:
        a, b = parts
        return _Formula(_product(a.holds, b.holds), _union(a.fails, b.fails))

    all = both

    def inverse(self, parts: list[_Formula]) -> _Formula:
        return _Formula(parts[0].fails, parts[0].holds)

    def call(self, parts: list[Token]) -> _Formula:
        shell = (
            "give it one; in a shell put the whole label in single quotes, since `…` in double quotes runs a command"
        )
        return _condition(parts[0], [(token[1:-1], token) for token in parts[1:]], shell)

    def term(self, parts: list[Token]) -> _Formula:
        return _condition(
            parts[0], [(str(token), token) for token in parts[1:]], "give it one, as in Host:a.example.com"
        )


def _condition(name: Token, arguments: Sequence[tuple[str, Token]], empty: str) -> _Formula:
    """One function with its arguments, of which one must match. empty: what to do when there is none."""
    function = name.strip()
    position = (name.start_pos or 0) + 1
    known = _FUNCTIONS.get(function.lower())
    if known is None:
        raise _unsupported(function, position)
    if not arguments:
        raise LabelError(f"{known} at position {position} has no value", remedy=empty)
    kinds: dict[Kind, list[str]] = {}
    for text, token in arguments:
        kind, value = _argument(known, text.strip(), (token.start_pos or 0) + 1)
        values = kinds.setdefault(kind, [])
        if value not in values:
            values.append(value)
    holds = tuple((Matcher(kind, tuple(values)),) for kind, values in kinds.items())
    fails = (tuple(Matcher(kind, tuple(values), True) for kind, values in kinds.items()),)
    return _Formula(holds, fails)


def _unsupported(function: str, position: int) -> LabelError:
    supported = f"supported are {', '.join(_SUPPORTED)}"
    if any(function.lower() == name.lower() for name in _OF_TRAEFIK):
        hint = _REMEDIES.get(function.lower(), "remove it or keep this service on the other proxy")
        return LabelError(f"{function} at position {position} is not supported", remedy=f"{supported}; {hint}")
    guess = nearest(function.title(), [*_SUPPORTED])
    return LabelError(
        f"there is no function {shown(function)} (position {position})",
        remedy=f"did you mean {guess}? {supported}" if guess else supported,
    )


def _argument(function: str, value: str, position: int) -> tuple[Kind, str]:
    """Kind and normal form of one argument. Raises LabelError."""
    at = f"{shown(value)} at position {position}"
    if function == "Host":
        host = value.lower().removesuffix(".")
        if len(host) > 255 or not _HOST.fullmatch(host):
            remedy = "write a host name without scheme, port and path; other scripts in their xn-- form"
            if host == "*":
                remedy = "for any host leave Host out and use PathPrefix with /"
            raise LabelError(f"{at} is not a host", remedy=remedy)
        return ("host_suffix", host[1:]) if host.startswith("*.") else ("host", host)
    if function == "HostRegexp":
        return _host_pattern(value, at)
    if function == "Method":
        method = value.upper()
        if not _METHOD.fullmatch(method):
            raise LabelError(f"{at} is not a request method", remedy="write for example GET or POST")
        return "method", method
    if not _PATH.fullmatch(value):
        remedy = "begin it with '/', without '?' and '#', other characters percent-encoded as in the request"
        raise LabelError(f"{at} is not a path", remedy=remedy)
    return ("path" if function == "Path" else "path_prefix"), value


def _host_pattern(value: str, at: str) -> tuple[Kind, str]:
    """The patterns that need no regular expression. Raises LabelError for others."""
    if _ANY_HOST.fullmatch(value):
        return "path_prefix", "/"
    if below := _ANY_BELOW.fullmatch(value.lower()):
        return "host_suffix", "." + below["domain"].replace("\\", "")
    remedy = "write Host with names, or with *.example.com for all below a domain"
    raise LabelError(f"{at} is a pattern of hosts that is not supported", remedy=remedy)


def _union(a: Alternatives | None, b: Alternatives | None) -> Alternatives | None:
    """a or b. Alternatives that are one positive condition of the same kind become one with both values."""
    if a is None or b is None:
        return None
    result = list(a)
    for alternative in b:
        if alternative in result:
            continue
        if len(alternative) == 1 and not alternative[0].negate:
            new = alternative[0]
            for i, old in enumerate(result):
                if len(old) == 1 and old[0].kind == new.kind and not old[0].negate:
                    result[i] = (_with_values(old[0], new),)
                    break
            else:
                result.append(alternative)
        else:
            result.append(alternative)
    return tuple(result) if len(result) <= MAX_ALTERNATIVES else None


def _product(a: Alternatives | None, b: Alternatives | None) -> Alternatives | None:
    """a and b: each alternative of one with each of the other."""
    if a is None or b is None or len(a) * len(b) > MAX_ALTERNATIVES * 4:
        return None
    result: list[tuple[Matcher, ...]] = []
    for left in a:
        for right in b:
            joined = _conjunction(left, right)
            if len(joined) > MAX_MATCHERS:
                return None
            if joined not in result:
                result.append(joined)
    return tuple(result) if len(result) <= MAX_ALTERNATIVES else None


def _conjunction(left: tuple[Matcher, ...], right: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """left and right. Negative conditions of the same kind become one with both values (neither of them)."""
    joined = list(left)
    for new in right:
        if new in joined:
            continue
        for i, old in enumerate(joined):
            if new.negate and old.negate and old.kind == new.kind:
                joined[i] = _with_values(old, new)
                break
        else:
            joined.append(new)
    return tuple(joined)


def _with_values(old: Matcher, new: Matcher) -> Matcher:
    return Matcher(old.kind, old.values + tuple(v for v in new.values if v not in old.values), old.negate)
