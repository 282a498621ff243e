"""`faststicky whoami`: the demo application."""

from __future__ import annotations

import sys

import click

from faststicky.cli.sections import SectionedCommand, SectionOption


@click.command(cls=SectionedCommand)
@click.option("--port", cls=SectionOption, type=click.IntRange(0, 65535), default=8000,
              envvar="FASTSTICKY_WHOAMI_PORT", help="TCP port; 0 for any free one.")  # fmt: skip
@click.option("--listen", cls=SectionOption, default="0.0.0.0", metavar="ADDRESS",  # noqa: S104
              envvar="FASTSTICKY_WHOAMI_LISTEN", help="IP address to listen on.")  # fmt: skip
@click.option("--name", cls=SectionOption, default="", envvar="FASTSTICKY_WHOAMI_NAME", show_default=False,
              help="Name to answer with, in place of the host's.")  # fmt: skip
def whoami(port: int, listen: str, name: str) -> None:
    """The demo application: answers `I'm HOSTNAME` to every request.

    Besides: /echo answers with the request as it was seen (JSON), /slow?ms=N after N milliseconds, /health with 200.
    SIGTERM ends it when the requests under way are answered.
    """
    from faststicky.demo.whoami import serve

    sys.exit(serve(listen, port, name))
