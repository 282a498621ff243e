"""Single values, and the reader that turns wrong ones into warnings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.errors import LabelError
from faststicky.labels.values import LabelReader, boolean, duration, integer, nearest, port, shown


def outcome(parse, text):
    try:
        return parse(text)
    except LabelError as error:
        return error


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("T", True), ("1", True), (" Yes ", True), ("off", False), ("FALSE", False)]
)
def test_boolean(text, value):
    assert boolean(text) is value


@pytest.mark.parametrize(
    ("text", "value"), [("10s", 10), ("250ms", 0.25), ("1h30m", 5400), ("7", 7), ("0", 0), ("2d", 172800)]
)
def test_duration(text, value):
    assert duration(text) == value


@given(st.text(max_size=30))
def test_parsers_give_a_value_or_a_label_error_with_a_remedy(text):
    for parse in (boolean, duration, port, integer(0, 9)):
        result = outcome(parse, text)
        if isinstance(result, LabelError):
            assert result.remedy
            assert str(result).isprintable()


@pytest.mark.parametrize("text", ["0", "65536", "-1", "8o", "", "٣", "1" * 5000])
def test_port_refuses(text):
    with pytest.raises(LabelError):
        port(text)


def test_shown_is_one_short_line():
    assert shown("a\nb\x1b") == '"a\\nb\\x1b"'
    assert len(shown("x" * 1000)) < 90


def test_nearest():
    assert nearest("weigth", ["weight", "port"]) == "weight"
    assert nearest("zzz", ["weight", "port"]) == ""


def test_a_wrong_optional_value_is_one_warning_and_the_default():
    reader = LabelReader("web", {"Weight": "many"}, fold=True)
    assert reader.optional("weight", integer(1, 9), 1) == 1
    (warning,) = reader.warnings
    assert (warning.service, warning.label, warning.value) == ("web", "Weight", "many")
    assert "write a number from 1 to 9" in warning.text
    assert "1 is used" in warning.text


@pytest.mark.parametrize(("labels", "what"), [({}, "missing"), ({"port": "x"}, "not a whole number")])
def test_a_wrong_required_value_leaves_the_service_out(labels, what):
    reader = LabelReader("web", labels)
    with pytest.raises(LabelError, match=what) as caught:
        reader.required("port", port, "add port=8000")
    assert caught.value.where == "service web, label port"
    (warning,) = reader.warnings
    assert warning.label == "port"
    assert "not routed" in warning.text


def test_keys_that_differ_in_case_only_are_told_of():
    reader = LabelReader("web", {"PORT": "1", "port": "2"}, fold=True)
    assert reader.text("port") == "1"
    assert [w.label for w in reader.warnings] == ["port"]


def test_what_was_made_of_each_label_that_was_looked_up():
    reader = LabelReader(
        "web", {"Port": " 80 ", "weight": "many", "hold": "5s", "name": " a ", "other": "1"}, fold=True
    )
    reader.required("port", port, "")
    reader.optional("weight", integer(1, 9), 1)
    reader.optional("hold", duration, 0.0)
    assert reader.text("name") == "a"
    assert reader.text("missing") is None
    assert reader.values == {"Port": 80, "weight": 1, "hold": 5.0, "name": "a"}
    reader.text("port")  # whether it is there is asked for once more
    assert reader.values["Port"] == 80
