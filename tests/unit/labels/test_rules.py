"""Rules: both notations, what they mean, and that nothing else than LabelError comes out of a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faststicky.errors import LabelError
from faststicky.labels.rules import (
    MAX_ALTERNATIVES,
    MAX_MATCHERS,
    Alternatives,
    hosts,
    parse_expression,
    parse_traefik1,
)
from faststicky.model import Matcher

Request = tuple[str, str, str]  # host, path, method
HOSTS = ["a.org", "x.b.org", "y.x.b.org", "b.org"]
PATHS = ["/", "/x", "/xy", "/x/y"]
METHODS = ["GET", "POST"]
REQUESTS = [(host, path, method) for host in HOSTS for path in PATHS for method in METHODS]


def holds(matcher: Matcher, request: Request) -> bool:
    host, path, method = request
    test = {
        "host": lambda v: host == v,
        "host_suffix": lambda v: host.endswith(v) and len(host) > len(v),
        "path": lambda v: path == v,
        "path_prefix": lambda v: path.startswith(v),
        "method": lambda v: method == v,
    }[matcher.kind]
    return any(test(value) for value in matcher.values) != matcher.negate


def matches(alternatives: Alternatives, request: Request) -> bool:
    return any(all(holds(m, request) for m in alternative) for alternative in alternatives)


def outcome(parse: Callable[[str], Alternatives], text: str) -> Alternatives | LabelError:
    try:
        return parse(text)
    except LabelError as error:
        return error


def matched(rule: str) -> set[Request]:
    alternatives = parse_expression(rule)
    return {request for request in REQUESTS if matches(alternatives, request)}


# A rule as text together with what it means, built independently of the parser.
_hosts = st.lists(st.sampled_from([*HOSTS, "*.b.org"]), min_size=1, max_size=3)


def _host_call(values: list[str]):
    def meaning(request: Request) -> bool:
        return any(request[0].endswith(v[1:]) if v.startswith("*.") else request[0] == v for v in values)

    return "Host(" + ", ".join(f"`{v}`" for v in values) + ")", meaning


def _call(function: str, values: list[str]):
    index, test = {
        "Path": (1, str.__eq__),
        "PathPrefix": (1, str.startswith),
        "Method": (2, str.__eq__),
    }[function]
    text = f"{function}(" + ",".join(f'"{v}"' for v in values) + ")"
    return text, lambda request: any(test(request[index], v) for v in values)


_conditions = st.one_of(
    _hosts.map(_host_call),
    st.builds(_call, st.sampled_from(["Path", "PathPrefix"]), st.lists(st.sampled_from(PATHS), min_size=1, max_size=2)),
    st.builds(_call, st.just("Method"), st.lists(st.sampled_from(METHODS), min_size=1, max_size=2)),
)


def _and(a, b):
    return f"({a[0]}) && ({b[0]})", lambda r: a[1](r) and b[1](r)


def _or(a, b):
    return f"({a[0]} || {b[0]})", lambda r: a[1](r) or b[1](r)


def _not(a):
    return f"!({a[0]})", lambda r: not a[1](r)


_formulas = st.recursive(
    _conditions,
    lambda part: st.one_of(st.builds(_and, part, part), st.builds(_or, part, part), st.builds(_not, part)),
    max_leaves=8,
)


@given(_formulas)
def test_normal_form_means_what_the_rule_says(formula):
    text, meaning = formula
    alternatives = outcome(parse_expression, text)
    if isinstance(alternatives, LabelError):
        assert "alternatives" in alternatives.what  # the only reason a well-formed rule is refused
        return
    assert len(alternatives) <= MAX_ALTERNATIVES
    assert all(len(alternative) <= MAX_MATCHERS for alternative in alternatives)
    for request in REQUESTS:
        assert matches(alternatives, request) == meaning(request), text


_scraps = st.sampled_from(
    ["Host", "PathPrefix", "(", ")", "`a.b`", "`/x`", "!", "&&", "||", ",", " ", ":", ";", "é", '"', "\n"]
)


@given(st.one_of(st.text(max_size=60), st.lists(_scraps, max_size=20).map("".join)))
@settings(max_examples=400)
def test_any_text_is_a_rule_or_a_label_error_with_a_remedy(text):
    for parse in (parse_expression, parse_traefik1):
        result = outcome(parse, text)
        if isinstance(result, LabelError):
            assert result.remedy
            assert str(result).isprintable()
        else:
            assert all(isinstance(m, Matcher) for alternative in result for m in alternative)


def test_and_binds_closer_than_or():
    assert matched("Host(`a.org`) || Host(`b.org`) && Path(`/x`)") == matched(
        "Host(`a.org`) || (Host(`b.org`) && Path(`/x`))"
    )
    assert matched("!Host(`a.org`) && Path(`/x`)") == {r for r in REQUESTS if r[0] != "a.org" and r[1] == "/x"}


def test_values_are_normalised():
    assert parse_expression("HOST(`A.Org.`, 'a.org') && method(`get`)") == (
        (Matcher("host", ("a.org",)), Matcher("method", ("GET",))),
    )
    assert parse_expression("Host(`[::1]`)") == ((Matcher("host", ("[::1]",)),),)


def test_alternatives_of_one_kind_become_one_condition():
    rule = " || ".join(f"Host(`h{i}.org`)" for i in range(200))
    assert parse_expression(f"({rule}) && PathPrefix(`/x`)") == (
        (Matcher("host", tuple(f"h{i}.org" for i in range(200))), Matcher("path_prefix", ("/x",))),
    )
    assert parse_expression("!Host(`a`) && !Host(`b`)") == ((Matcher("host", ("a", "b"), True),),)


@pytest.mark.parametrize("depth", [1000])
def test_deep_nesting_does_not_recurse(depth):
    assert parse_expression("!" * 2 * depth + "(" * depth + "Host(`a`)" + ")" * depth) == ((Matcher("host", ("a",)),),)


def test_size_is_bounded():
    pair = "(Host(`a{0}`) || Path(`/{0}`))"
    with pytest.raises(LabelError, match="alternatives"):
        parse_expression(" && ".join(pair.format(i) for i in range(10)))
    with pytest.raises(LabelError, match="characters"):
        parse_expression("Host(`a`)" + " " * 10_000)
    # what is not needed in the end may be too large: this one is ten alternatives, its inverse 2 to the power of 10
    both = "(Host(`a{0}`) && Path(`/{0}`))"
    assert len(parse_expression(" || ".join(both.format(i) for i in range(10)))) == 10


def test_traefik1():
    assert parse_traefik1("PathPrefix:/") == ((Matcher("path_prefix", ("/",)),),)
    assert parse_traefik1("Host: a.org, B.org ;PathPrefix:/x,/y; Method:GET") == (
        (Matcher("host", ("a.org", "b.org")), Matcher("path_prefix", ("/x", "/y")), Matcher("method", ("GET",))),
    )
    assert parse_traefik1("Path:/a:b;") == ((Matcher("path", ("/a:b",)),),)


@pytest.mark.parametrize("pattern", [".+", ".*", "^.+$", "{any:.+}", "{x:.*}"])
def test_patterns_for_any_host(pattern):
    assert parse_expression(f"HostRegexp(`{pattern}`)") == ((Matcher("path_prefix", ("/",)),),)
    assert parse_traefik1(f"HostRegexp:{pattern}") == ((Matcher("path_prefix", ("/",)),),)


@pytest.mark.parametrize("pattern", ["{sub:.+}.B.org", r".+\.b\.org", r"^.*\.b\.org$", "{x:.*}.b.org"])
def test_patterns_for_any_host_below_a_domain(pattern):
    assert parse_expression(f"HostRegexp(`{pattern}`)") == ((Matcher("host_suffix", (".b.org",)),),)


def test_a_name_that_traefik_2_has_beside_host():
    assert parse_expression("HostHeader(`a.org`)") == parse_expression("Host(`a.org`)")


@pytest.mark.parametrize(
    ("parse", "rule", "says"),
    [
        (parse_expression, "", "the rule is empty"),
        (parse_expression, "Host(`a`", 'end of the rule after 8 characters, expected ")" or ","'),
        (parse_expression, "Host(`a`) Path(`/`)", 'unexpected "Path(`/`)" at position 11'),
        (parse_expression, "Host(`a`) | Host(`b`)", "at position 11"),
        (parse_expression, "Host()", "single quotes"),
        (parse_expression, "Hots(`a`)", "did you mean Host?"),
        (parse_expression, "Frobnicate(`a`)", "no function"),
        (parse_expression, "HostRegexp(`{s:[a-z]+}.b.org`)", "pattern of hosts that is not supported"),
        (parse_expression, "HostRegexp(`^(.+\\.)?b.org$`)", "pattern of hosts that is not supported"),
        (parse_expression, "ClientIP(`10.0.0.0/8`)", "ClientIP at position 1 is not supported"),
        (parse_expression, "Host(`a:80`)", '"a:80" at position 6 is not a host'),
        (parse_expression, "Host(`*`)", "leave Host out"),
        (parse_expression, "PathPrefix(`x`)", "begin it with '/'"),
        (parse_expression, "PathPrefix(`/?a`)", "is not a path"),
        (parse_expression, "Method(`G T`)", "is not a request method"),
        (parse_expression, "Host:a", "write for example Host(`a.example.com`)"),
        (parse_traefik1, "PathPrefixStrip:/x", "PathPrefixStrip at position 1 is not supported; supported are Host"),
        (parse_traefik1, "Host:a;AddPrefix:/x", "AddPrefix at position 8 is not supported"),
        (parse_traefik1, "Host(`a`)", "write for example Host:a.example.com;PathPrefix:/x"),
        (parse_traefik1, "Host:", "has no value"),
        (parse_traefik1, "Host:a,,b", "expected a value"),
    ],
)
def test_what_is_wrong_is_said(parse, rule, says):
    with pytest.raises(LabelError) as caught:
        parse(rule)
    assert says in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("Host(`a`, `B`) && Path(`/x`) || Host(`c`)", {"a", "b", "c"}),
        ("Host(`a`) || Path(`/x`)", None),
        ("!Host(`a`)", None),
        ("Host(`*.a`)", None),
        ("HostRegexp(`.+`)", None),
        ("Host(`a`) && !Host(`b`)", {"a"}),
    ],
)
def test_hosts(rule, names):
    assert hosts(parse_expression(rule)) == names
