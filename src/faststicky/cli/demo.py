"""`faststicky demo`: see it work, without Docker."""

from __future__ import annotations

import sys

import click

from faststicky.cli.sections import SectionedCommand, SectionOption


@click.command(cls=SectionedCommand)
@click.option("--serve", "stay", cls=SectionOption, is_flag=True, show_default=False, envvar="FASTSTICKY_DEMO_SERVE",
              help="Stay up afterwards, with the page, until Ctrl-C.")  # fmt: skip
def demo(stay: bool) -> None:
    """Starts three demo backends and the proxy on loopback, and shows what stickiness means.

    Requests without a cookie are spread, with it they stay; when a backend stops, its user moves once and stays again.
    The last line begins with "demo: OK" if all of that was seen; otherwise the exit code is 1.
    """
    from faststicky.demo.play import play

    sys.exit(play(stay=stay))
