"""`faststicky stats`: what statistics and access lines add up to."""

from __future__ import annotations

import datetime
import sys
import time
from typing import IO, TYPE_CHECKING, Any

import click

from faststicky.cli.following import following
from faststicky.cli.sections import SectionedCommand, SectionOption
from faststicky.quantities import parse_duration

if TYPE_CHECKING:
    from faststicky.observe.log_report import Report

REFRESH = 2.0  # seconds between two pictures with --follow


class MomentType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """`2026-11-22T20:00`, or `10m`: that long ago."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime.datetime:
        if isinstance(value, datetime.datetime):
            return value
        try:
            moment = datetime.datetime.fromisoformat(value)
            return moment.astimezone(datetime.UTC)  # without a zone: this machine's
        except ValueError:
            pass
        try:
            return datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=parse_duration(value))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time; write 2026-11-22T20:00, or 10m for ten minutes ago", param, ctx)


@click.command(cls=SectionedCommand)
@click.argument("files", nargs=-1, type=click.File("r", encoding="utf-8", errors="replace"))
@click.option("--format", "form", cls=SectionOption, type=click.Choice(["table", "json", "csv"]), default="table",
              envvar="FASTSTICKY_STATS_FORMAT", help="What to write.")  # fmt: skip
@click.option("--since", cls=SectionOption, type=MomentType(), default=None, show_default=False,
              envvar="FASTSTICKY_STATS_SINCE", help="Only lines from then on: 2026-11-22T20:00, or 10m ago.")  # fmt: skip
@click.option("--until", cls=SectionOption, type=MomentType(), default=None, show_default=False,
              envvar="FASTSTICKY_STATS_UNTIL", help="Only lines up to then.")  # fmt: skip
@click.option("--follow", cls=SectionOption, is_flag=True, show_default=False, envvar="FASTSTICKY_STATS_FOLLOW",
              help="Go on as lines arrive, with a new picture every two seconds.")  # fmt: skip
@click.option("--hdr", cls=SectionOption, type=click.File("w", encoding="ascii", lazy=True), default=None,
              show_default=False, metavar="FILE", envvar="FASTSTICKY_STATS_HDR",
              help="Also write the latencies of each service as an HdrHistogram log.")  # fmt: skip
def stats(
    files: tuple[IO[str], ...],
    form: str,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    follow: bool,
    hdr: IO[str] | None,
) -> None:
    """Adds up what `faststicky run` writes, of any number of nodes, replicas and restarts.

    Reads FILES, or what is piped in: docker service logs proxy 2>&1 | faststicky stats. Tables by service, task and node,
    percentiles of all requests together, how it was over time, and what the log warned of. Lines of other kinds are
    passed over, damaged ones counted.
    """
    from rich.console import Console

    from faststicky.observe.log_report import Report
    from faststicky.observe.report_output import as_csv, as_json, show

    if not files and sys.stdin.isatty():
        raise click.UsageError(
            "nothing to read; name a file, or pipe: docker service logs proxy 2>&1 | faststicky stats"
        )
    report = Report(since, until, keep_intervals=hdr is not None)
    inputs = files or (click.open_file("-", encoding="utf-8", errors="replace"),)
    console = Console(width=None if sys.stdout.isatty() else 120)

    def write() -> None:
        if form == "table":
            show(report, console)
        else:
            click.echo(as_json(report) if form == "json" else as_csv(report), nl=form == "json")

    if not follow:
        for file in inputs:
            report.add_all(file)
        write()
        _write_hdr(hdr, report)
        return
    try:
        shown, news = time.monotonic(), False
        for line in following(inputs):
            if line:
                report.add(line)
                news = True
            if news and time.monotonic() - shown >= REFRESH:
                if console.is_terminal:
                    console.clear()
                write()
                shown, news = time.monotonic(), False
    except KeyboardInterrupt:
        pass
    write()
    _write_hdr(hdr, report)


def _write_hdr(file: IO[str] | None, report: Report) -> None:
    if file is not None:
        from faststicky.observe.hdr_log import write

        write(file, report)
