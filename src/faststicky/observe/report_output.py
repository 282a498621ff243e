"""A report as tables and plots for a terminal, as JSON, or as CSV."""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import plotext
from rich.console import Console
from rich.table import Table
from rich.text import Text

from faststicky.observe.log_report import Report, Sum, Told
from faststicky.observe.numbers import failures_text, moved, moved_text
from faststicky.observe.stats_lines import latency
from faststicky.observe.timeline import Point, points

TOP_TARGETS = 10
TOP_WARNINGS = 12
TICKS = 4  # of a plot's axis
_MARKERS = (".", "*")
STALE = 10.0  # seconds from which a table's age is worth a word
WIDE = 110  # columns from which every number is shown


def as_data(report: Report) -> dict[str, Any]:
    """All of it, for programs. Percentiles are milliseconds."""
    step, timeline = points(report.timeline)
    return {
        "from": report.first.isoformat() if report.first else None,
        "to": report.last.isoformat() if report.last else None,
        "lines": dict(report.lines),
        "lost_access_lines": report.lost_access_lines,
        "total": _data(report.whole),
        "services": {name: _data(one) for name, one in sorted(report.services.items())},
        "tasks": [{"service": key[0], "task": key[1], **_data(one)} for key, one in sorted(report.tasks.items())],
        "nodes": {name: {**_data(one), **_table_of(name, report)} for name, one in sorted(report.nodes.items())},
        "timeline": {
            "step": step,
            "points": [
                {"time": p.time.isoformat(), "rate": p.rate, "errors": p.errors, "p50": p.p50, "p99": p.p99}
                for p in timeline
            ],
        },
        "warnings": [
            {
                "service": where,
                "text": text,
                "level": told.level,
                "remedy": told.remedy,
                "count": told.count,
                "last": told.last.isoformat(),
            }
            for (where, text), told in _often(report)
        ],
        "access": {
            "total": _data(report.access),
            "services": {name: _data(one) for name, one in sorted(report.access_services.items())},
            "tasks": [
                {"service": key[0], "task": key[1], **_data(one)} for key, one in sorted(report.access_tasks.items())
            ],
            "statuses": {str(status): count for status, count in sorted(report.statuses.items())},
            "targets": dict(report.targets.most_common(TOP_TARGETS)),
        },
    }


def as_json(report: Report) -> str:
    """One indented object."""
    return orjson.dumps(as_data(report), option=orjson.OPT_INDENT_2).decode()


def as_csv(report: Report) -> str:
    """A row for everything that was added up."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ("requests", "errors", "sessions", "hit_rate", "retries", "ejections", "bytes_in", "bytes_out")
    times = ("p50", "p90", "p99", "p99.9", "max")
    writer.writerow(("scope", "service", "name", *names, *(f"first_byte_ms.{time}" for time in times)))
    for scope, service, name, one in _rows(report):
        data = _data(one)
        writer.writerow(
            (scope, service, name, *(data[key] for key in names), *(data["first_byte_ms"][t] for t in times))
        )
    return out.getvalue()


def show(report: Report, console: Console) -> None:
    """Tables, and plots where there is a timeline."""
    span = f"{report.first:%Y-%m-%d %H:%M:%S} to {report.last:%H:%M:%S} UTC" if report.first else "nothing"
    read = ", ".join(f"{count} {kind}" for kind, count in report.lines.items())
    console.print(f"[bold]faststicky[/] {span}  [dim]lines: {read or 'none'}[/]", highlight=False)
    if report.lines["damaged"]:
        console.print(f"[yellow]{report.lines['damaged']} damaged lines were skipped[/]")
    if lost := report.lost_access_lines:
        console.print(f"[yellow]{lost} access lines were lost by the proxy, which could not write them in time[/]")
    source = report if report.lines["stats"] else None
    services = source.services if source else report.access_services
    tasks = source.tasks if source else report.access_tasks
    if services:
        whole = report.whole if source else report.access
        _table(
            console,
            "services, time to first byte in ms",
            {**dict(sorted(services.items())), **({"all": whole} if len(services) > 1 else {})},
        )
    for name, one in sorted(services.items()):
        for text in (moved_text(one.outcomes), failures_text(one.failures)):
            if text:
                console.print(Text.assemble((name, "dim"), "  ", text))
    if tasks:
        _table(
            console, "tasks", {f"{service}  {task}": one for (service, task), one in sorted(tasks.items())}, tasks=True
        )
    if source and len(report.nodes) > 1:
        _table(console, "nodes, time to first byte in ms", dict(sorted(report.nodes.items())))
    for node in sorted(report.standings):
        console.print(_standing(node, report))
    console.print()
    if report.warnings:
        _warnings(console, report)
    if report.targets:
        _targets(console, report)
    step, timeline = points(report.timeline)
    if len(timeline) > 1:
        for title, series in _plots(timeline, step):
            console.print(_plot(title, series, timeline, min(console.width, 100)), highlight=False, markup=False)


def _standing(node: str, report: Report) -> Text:
    """How old the table of a node's proxy was, at the most and in the end."""
    last, oldest = report.standings[node], report.oldest[node]
    old = "never confirmed" if last.age is None else f"{last.age:,.0f} s old"
    text = f"  table {last.generation}, {old} at {last.time:%H:%M:%S}{', when the proxy ended' if last.ended else ''}"
    stale = oldest >= STALE
    more = f"; at the most {oldest:,.0f} s: the source of backends did not answer" if stale else ""
    return Text.assemble((node, "dim"), text, (more, "yellow"))


def _rows(report: Report) -> Iterator[tuple[str, str, str, Sum]]:
    yield "total", "", "", report.whole
    yield from (("service", name, name, one) for name, one in sorted(report.services.items()))
    yield from (("task", key[0], key[1], one) for key, one in sorted(report.tasks.items()))
    yield from (("node", "", name, one) for name, one in sorted(report.nodes.items()))
    yield from (("access", name, name, one) for name, one in sorted(report.access_services.items()))
    yield from (("access-task", key[0], key[1], one) for key, one in sorted(report.access_tasks.items()))


def _table_of(node: str, report: Report) -> dict[str, Any]:
    last = report.standings[node]
    ages = {"last": last.age, "max": report.oldest[node]}
    return {"generation": last.generation, "sync_age": ages}


def _data(one: Sum) -> dict[str, Any]:
    return {
        "requests": one.counts["requests"],
        "errors": one.errors,
        "answers": dict(one.answers),
        "failures": dict(one.failures),
        "outcomes": dict(one.outcomes),
        "hit_rate": None if one.hit_rate is None else round(one.hit_rate, 4),
        "sessions": one.sessions,
        **{name: one.counts[name] for name in ("retries", "connect_errors", "resets", "ejections")},
        "bytes_in": one.counts["bytes_in"],
        "bytes_out": one.counts["bytes_out"],
        "first_byte_ms": latency(one.first_byte),
        "total_ms": latency(one.total),
    }


def _table(console: Console, title: str, rows: Mapping[str, Sum], *, tasks: bool = False) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True, min_width=12)
    timed = any(one.first_byte.counts for one in rows.values())
    wide = console.width >= WIDE
    rest = {"retries", "failed", "ejections", "p90", "p99.9"} if not wide else set()
    made = {name: _cells(one, timed=timed, state=tasks) for name, one in rows.items()}
    columns = [column for column in next(iter(made.values())) if column not in rest]
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name, cells in made.items():
        table.add_row(name.replace("[", r"\["), *(cells[column] for column in columns))
    console.print(table)
    console.print()


def _cells(one: Sum, *, timed: bool, state: bool) -> dict[str, str]:
    times = {name: _millis(value) for name, value in latency(one.first_byte).items()} if timed else {}
    return {
        "requests": f"{one.counts['requests']:,}",
        "5xx": f"[red]{one.errors:,}[/]" if one.errors else "0",
        "users": f"{one.sessions:,}" if one.registers else "",
        "hit rate": "" if one.hit_rate is None else f"{one.hit_rate:.1%}",
        "moved": f"{sum(moved(one.outcomes).values()):,}",
        "retries": f"{one.counts['retries']:,}",
        "failed": f"{one.counts['connect_errors'] + one.counts['resets']:,}",
        "ejections": f"{one.counts['ejections']:,}",
        **times,
        **({"state": one.state} if state else {}),
    }


def _targets(console: Console, report: Report) -> None:
    table = Table(title="paths", title_justify="left", title_style="bold", box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for target, count in report.targets.most_common(TOP_TARGETS):
        table.add_row(f"{count:,}", target.replace("[", r"\["))
    console.print(table)
    statuses = "  ".join(f"{status}: {count:,}" for status, count in sorted(report.statuses.items()))
    console.print(f"[dim]answers[/] {statuses}\n", highlight=False)


def _often(report: Report) -> list[tuple[tuple[str, str], Told]]:
    """Errors first, then what is not of single requests (labels, options), then what was said most often."""
    return sorted(
        report.warnings.items(), key=lambda one: (one[1].level != "error", one[0][0] != "", -one[1].count, one[0])
    )


def _warnings(console: Console, report: Report) -> None:
    table = Table(
        title="warnings and errors",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        show_header=False,
    )
    table.add_column(justify="right")
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for (where, text), told in _often(report)[:TOP_WARNINGS]:
        said = Text(f"{where}: {text}" if where else text, style="red" if told.level == "error" else "yellow")
        said.append(f"; {told.remedy}" if told.remedy else "", style="dim")
        table.add_row(f"{told.count:,}", f"{told.last:%H:%M:%S}", said)
    if (more := len(report.warnings) - TOP_WARNINGS) > 0:
        table.add_row("", "", Text(f"{more} more kinds; --format json has all of them", style="dim"))
    console.print(table)
    console.print()


def _millis(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _plots(timeline: list[Point], step: float) -> Iterator[tuple[str, dict[str, list[float]]]]:
    rates = {"requests a second": [p.rate for p in timeline]}
    if any(p.errors for p in timeline):
        rates["5xx a second"] = [p.errors for p in timeline]
    yield f"by {step:g} s", rates
    if any(p.p99 is not None for p in timeline):
        yield (
            "time to first byte, ms",
            {"p50": [p.p50 or 0.0 for p in timeline], "p99": [p.p99 or 0.0 for p in timeline]},
        )


def _plot(title: str, series: Mapping[str, list[float]], timeline: list[Point], width: int) -> str:
    figure = plotext.figure  # there is one
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, 13)
    figure.legend(active=False)  # it would lie on the curve
    seconds = [(point.time - timeline[0].time).total_seconds() for point in timeline]
    for values, marker in zip(series.values(), _MARKERS, strict=False):
        signal = figure.signal(seconds, values, marker=marker)
        signal.lines()
        figure.draw(signal)
    places = sorted({round(seconds[-1] * part / TICKS, 3) for part in range(TICKS + 1)})
    times = [timeline[0].time + datetime.timedelta(seconds=place) for place in places]
    figure.ruler("x").ticks(places, [f"{time:%H:%M:%S}" for time in times])
    heights = scale(max(max(values) for values in series.values()))
    figure.ruler("y").lim(0, heights[-1])
    figure.ruler("y").ticks(heights, [f"{height:,g}" for height in heights])
    drawn = ", ".join(f"{name} ({marker})" for name, marker in zip(series, _MARKERS, strict=False))
    span = f"from {timeline[0].time:%H:%M:%S} to {timeline[-1].time:%H:%M:%S} UTC"
    return f"{drawn}: {title}, {span}\n{plotext.uncolorize(figure.build().string())}"  # plotext drops titles that are too long


def scale(top: float) -> list[float]:
    """Round numbers from 0 to `top` or just above it."""
    if top <= 0:
        return [0.0, 1.0]
    size = 10 ** math.floor(math.log10(top / TICKS))
    step = next(size * part for part in (1, 2, 5, 10) if size * part * TICKS >= top * (1 - 1e-9))
    return [round(step * number, 10) for number in range(math.ceil(top / step - 1e-9) + 1)]
