"""`faststicky check`: what labels mean, before anything depends on them."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from faststicky.cli.label_options import label_defaults, label_options
from faststicky.cli.sections import SectionedCommand, SectionOption
from faststicky.errors import ConfigError, DiscoveryError

EXIT_WARNINGS = 1
PIPE = 120  # columns where there is no terminal
_INPUT = "-"


def _options() -> list[click.Parameter]:
    return [
        click.Argument(["files"], nargs=-1, metavar="[STACK.yml]..."),
        SectionOption(["--stack"], default="", metavar="NAME", show_default=False, envvar="FASTSTICKY_CHECK_STACK",
                      help="The name under which the files are deployed: Swarm puts it before those of services and "
                           "networks."),
        SectionOption(["--proxy"], default="", metavar="SERVICE", show_default=False, envvar="FASTSTICKY_CHECK_PROXY",
                      help="The proxy's service, or the one that it is going to replace: services are checked for its "
                           "networks. Default: the service of this container, if it is a Swarm's."),
        SectionOption(["--format", "form"], type=click.Choice(["text", "json"]), default="text",
                      envvar="FASTSTICKY_CHECK_FORMAT", help="What to write."),
        *label_options(),
    ]  # fmt: skip


def _check(**values: Any) -> None:
    from faststicky.check import assembly

    files, defaults = values["files"], label_defaults(values)
    _refuse_what_has_no_effect(bool(files))
    try:
        if files:
            contents = [(_name(file), _content(file)) for file in files]
            report = assembly.of_stack(contents, values["stack"], defaults, values["proxy"], os.environ)
        else:
            report = assembly.of_swarm(values["docker_endpoint"], defaults, values["proxy"])
    except DiscoveryError as error:  # nothing was looked at: not to be taken for warnings
        remedy = f"{error.remedy}; or name a stack file"
        raise ConfigError(error.what, where=error.where, remedy=remedy) from error
    _write(report, values["form"])
    if report.warnings or report.suspicions:
        sys.exit(EXIT_WARNINGS)


def _write(report: Any, form: str) -> None:
    import msgspec
    from rich.console import Console

    from faststicky.check.output import show

    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    elif sys.stdout.isatty():
        show(report, Console())
    else:  # for logs and diffs: without the blanks that fill the columns up
        console = Console(width=PIPE, file=io.StringIO())
        with console.capture() as captured:
            show(report, console)
        click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _refuse_what_has_no_effect(files: bool) -> None:
    """Raises ConfigError for an option that would be ignored; environment variables may be there for `run`."""
    ctx = click.get_current_context()
    name, remedy = ("docker_endpoint", "leave one of the two out") if files else ("stack", "name a stack file")
    if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
        option = f"--{name.replace('_', '-')}"
        what = "has no effect with a stack file" if files else "has no effect without a stack file"
        raise ConfigError(what, where=option, remedy=remedy)


def _name(file: str) -> str:
    return "standard input" if file == _INPUT else file


def _content(file: str) -> str:
    """Raises ConfigError."""
    try:
        data = sys.stdin.buffer.read() if file == _INPUT else Path(file).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        remedy = "give a stack file, or - for standard input"
        raise ConfigError(error.strerror or str(error), where=file, remedy=remedy) from error
    except UnicodeDecodeError as error:
        what = f"not UTF-8 at byte {error.start}"
        raise ConfigError(what, where=_name(file), remedy="save it as UTF-8") from error


check = SectionedCommand(
    "check",
    callback=_check,
    params=_options(),
    help="""What the labels of services mean: which are understood, ignored or suspicious, and what the routes will be.

    Without a file: of the services of the running Swarm, as a proxy would see them now; it is not touched. With files,
    or - for standard input: of one stack, as docker stack deploy -c FILE... would make it, variables included. Give the
    same options as to `run`.
    """,
    short_help="What labels mean, before anything depends on them.",
    epilog="Exit codes: 0 all right, 1 there are warnings, 2 it could not be read.",
)
