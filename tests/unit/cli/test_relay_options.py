from __future__ import annotations

import click
import msgspec
import pytest
from click.testing import CliRunner

from faststicky.cli.relay_options import relay_options, relay_settings
from faststicky.settings import RelayOptions

FIELDS = {field.name: field for field in msgspec.structs.fields(RelayOptions)}


def parsed(*args: str) -> RelayOptions:
    found: list[RelayOptions] = []
    command = click.Command(
        "x", params=[*relay_options()], callback=lambda **values: found.append(relay_settings(values))
    )
    result = CliRunner().invoke(command, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return found[0]


def test_every_field_is_an_option_with_its_default_and_help():
    options = relay_options()
    assert {option.name for option in options} == set(FIELDS)
    assert all(option.help for option in options)
    assert parsed() == RelayOptions()


@pytest.mark.parametrize("name", FIELDS)
def test_every_option_reaches_its_field(name):
    default = FIELDS[name].default
    flag = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        assert getattr(parsed(flag), name) is True
        assert getattr(parsed(f"--no-{flag[2:]}"), name) is False
        return
    text, value = {float: ("1m", 60.0), int: ("7", 7), str: ("json", "json"), tuple: ("10.0.0.0/8", ("10.0.0.0/8",))}[
        type(default)
    ]
    assert getattr(parsed(flag, text), name) == value


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--max-head", "17m"), "'17m' is more than 16m"),
        (("--max-body", "2000000g"), "is more than 1048576g"),
        (("--pool-idle", "366d"), "'366d' is more than 8760h"),
        (("--pool-idle", "9" * 400), "is more than 8760h"),
        (("--max-line", "9" * 400), "cannot convert"),
        (("--pool-size", "5000000000"), "not in the range"),
    ],
)
def test_a_value_that_nobody_can_mean_is_refused(arguments, says):
    command = click.Command("x", params=[*relay_options()], callback=lambda **values: relay_settings(values))
    result = CliRunner().invoke(command, list(arguments))
    assert result.exit_code == 2
    assert says in result.output


def test_durations_come_first_then_limits_then_habits():
    sections = [option.section for option in relay_options()]
    assert list(dict.fromkeys(sections)) == ["Deadlines", "Limits", "Forwarding", "Logs"]
