"""The group of commands, and what happens to errors at the outermost edge."""

from __future__ import annotations

import sys
from typing import Any

import click

from faststicky.cli.bench import bench
from faststicky.cli.check import check
from faststicky.cli.demo import demo
from faststicky.cli.drain import drain
from faststicky.cli.run import run
from faststicky.cli.stats import stats
from faststicky.cli.top import top
from faststicky.cli.whoami import whoami
from faststicky.errors import ConfigError, FaststickyError

EXIT_FAILED, EXIT_USAGE = 1, 2


class Commands(click.Group):
    """Options without a command mean `run`, so that the image's entry point takes Traefik's command line as it is.

    `faststicky traefik --docker` (the command of an image whose entry point was replaced) means the same.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] == "traefik":
            args = ["run", *args[1:]]
        elif args and args[0].startswith("-") and args[0] not in ("-h", "--help", "--version"):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Errors of ours become one line and an exit code: 2 for what was asked, 1 for what went wrong."""
        try:
            return super().main(*args, **kwargs)
        except FaststickyError as error:
            click.echo(f"faststicky: {error}", err=True)
            sys.exit(EXIT_USAGE if isinstance(error, ConfigError) else EXIT_FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="faststicky", prog_name="faststicky")
def main() -> None:
    """A sticky-session HTTP proxy for Docker Swarm.

    Options without a command mean `run`. `faststicky COMMAND --help` says what a command can do.
    """


for command in (run, check, stats, top, drain, bench, demo, whoami):
    main.add_command(command)
