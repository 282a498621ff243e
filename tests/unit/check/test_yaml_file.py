"""YAML as Docker reads it. The texts of scalars are those of `docker stack config` of Docker 28.2."""

from __future__ import annotations

import pytest

from faststicky.check.yaml_file import Table, as_text, parse
from faststicky.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("y", "y"), ("~", ""), ("null", ""), ("", ""), ("true", "true"),
        ("False", "false"), ("010", "8"), ("0o17", "15"), ("0x1F", "31"), ("0b11", "3"), ("1_000", "1000"), ("+5", "5"),
        ("-7", "-7"), ("089", "89"), ("-0", "0"), ("1.50", "1.5"), ("1.0", "1"), (".5", "0.5"), ("5.", "5"),
        ("1e3", "1000"), ("1e20", "1e+20"), ("1e-7", "1e-07"), ("0.0001", "0.0001"), ("0.00001", "1e-05"),
        ("999999.5", "999999.5"), ("1000000.0", "1e+06"), ("123456789.5", "1.234567895e+08"), ("1e400", "1e400"),
        ("0.30000000000000004", "0.30000000000000004"), (".inf", "+Inf"), ("-.inf", "-Inf"), (".nan", "NaN"), ("<<", "<<"),
        ("1:30", "1:30"), ("'080'", "080"), ('"a: b"', "a: b"), ("!!str 8000", "8000"),
    ],
)  # fmt: skip
def test_scalars(written, text):
    assert as_text(parse(f"key: {written}\n", "a.yml")["key"]) == text


def test_places_anchors_and_merges():
    table = parse("x-base: &base\n  a: 1\n  b: 2\n\nweb:\n  <<: *base\n  b: 3\n  c:\n  - *base\n", "a.yml")
    web = table["web"]
    assert isinstance(web, Table)
    assert web == {"a": 1, "b": 3, "c": [{"a": 1, "b": 2}]}
    assert (web.line, web.where("b"), web.where("a"), web["c"][0].where("b")) == (6, 7, 6, 3)


def test_an_empty_file():
    assert parse("", "a.yml") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3", "a.yml, line 3: .*'a' is there twice, first in line 1; remove one"),
        ("a: [1,\n", "a.yml, line 2: .*expected the node content"),
        ("a: b: c", "a.yml, line 1: .*mapping values are not allowed"),
        ("a:\n\t- b", "a.yml, line 2"),
        ("a: !!python/object:os.system x", "a.yml, line 1: .*could not determine a constructor"),
        ("a: *b", "a.yml, line 1: .*undefined alias"),
        ("8000: a", "a.yml, line 1: .*the key 8000 is no text; quote it"),
        ("[a]: b", "a.yml, line 1: "),
        ("a: 1\n---\nb: 2", "a.yml, line 2: .*single document"),
        ("a: \x01", "a.yml, character 4"),
        ("[" * 5000, "a.yml: not readable as YAML"),
    ],
)
def test_what_is_no_yaml(text, says):
    with pytest.raises(ConfigError, match=says):
        parse(text, "a.yml")
