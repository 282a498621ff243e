from __future__ import annotations

import click
from click.testing import CliRunner

from faststicky.cli.sections import SectionedCommand, SectionOption, own_options

PARAMS = [
    SectionOption(["--one"], section="First", default="x", help="The first."),
    SectionOption(["--two/--no-two"], section="Second", default=True, help="The second."),
    SectionOption(["-n", "--three"], section="First", multiple=True, help="The third."),
]


def test_help_has_a_heading_for_each_section_in_order():
    command = SectionedCommand("command", params=list(PARAMS), callback=lambda **_: None)
    text = CliRunner().invoke(command, ["--help"]).output
    assert [line for line in text.splitlines() if line.endswith(":")] == ["First:", "Second:", "Other:"]
    assert text.index("--one") < text.index("--three") < text.index("--two")
    assert "[env var: FASTSTICKY_ONE; default: x]" in " ".join(text.split())


def test_every_option_is_an_environment_variable():
    seen = {}
    command = SectionedCommand("command", params=list(PARAMS), callback=lambda **values: seen.update(values))
    environment = {"FASTSTICKY_ONE": "y", "FASTSTICKY_TWO": "false", "FASTSTICKY_THREE": "a b"}
    result = CliRunner().invoke(command, [], env=environment)
    assert result.exit_code == 0, result.output
    assert seen == {"one": "y", "two": False, "three": ("a", "b")}


def test_own_options_know_which_take_a_value():
    params = [*PARAMS, SectionOption(["-v"], count=True), click.Argument(["file"])]
    assert own_options(params) == {
        "--one": True,
        "--two": False,
        "--no-two": False,
        "-n": True,
        "--three": True,
        "-v": False,
    }
