"""A report for a terminal or a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from faststicky.check.report import CheckedRoute, CheckedService, Label, Report
from faststicky.control.journal import one_line
from faststicky.model import Warning

WIDE = 110  # columns from which a label and what it means stand side by side
_LONG = 300  # characters of a value that are shown
_DIALECTS = {
    "native": "faststicky's labels",
    "traefik1": "labels of Traefik 1.7",
    "traefik2": "labels of Traefik 2 and 3",
    "interlock": "labels of Interlock",
    None: "not routed",
}
_STYLES = {"understood": "green", "ignored": "dim", "suspicious": "yellow"}


def show(report: Report, console: Console) -> None:
    """Services with their labels, routes, and what it comes to."""
    console.print(Text(one_line(report.source), "bold"))
    for service in report.services:
        console.print()
        _service(service, console)
    if report.routes:
        console.print()
        _routes(report.routes, console)
    console.print()
    for warning in report.warnings:
        if not warning.service:  # of no service: what the engine does not allow
            console.print(Text.assemble(("suspicious ", "yellow"), one_line(f"{warning.label} {warning.text}")))
    for note in report.notes:
        console.print(Text(f"note: {note}", "dim"))
    wrong = len(report.warnings) + len(report.suspicions)
    text = f"{_count(len(report.services), 'service')}, {_count(len(report.routes), 'route')}, "
    console.print(Text(text + (_count(wrong, "warning") if wrong else "no warnings"), "yellow" if wrong else "green"))
    if not report.services:
        console.print(Text("no service has labels of faststicky, Traefik or Interlock"))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _service(service: CheckedService, console: Console) -> None:
    name = f", routed as {service.backend}" if service.backend not in (service.name, None) else ""
    tasks = "one task on every node" if service.tasks is None else _count(service.tasks, "task")
    about = f"{_DIALECTS[service.dialect]}{name}, {tasks}"
    console.print(Text.assemble((one_line(service.name), "bold"), f"  {one_line(about)}"))
    labels = [*service.labels, *(_of_warning(warning) for warning in service.warnings)]
    wide = console.width >= WIDE
    table = Table.grid(padding=(0, 2), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=2)
    if wide:
        table.add_column(overflow="fold", ratio=3)
    for label in labels:
        verdict = Text(label.verdict, _STYLES[label.verdict])
        written = Text(one_line(f"{label.key}={_short(label.value)}" if label.value else label.key))
        meaning = Text("\n".join(one_line(text) for text in label.texts), _STYLES[label.verdict])
        if wide:
            table.add_row(verdict, written, meaning)
        else:
            table.add_row(verdict, Group(written, Padding(meaning, (0, 0, 0, 2))))
    console.print(Padding(table, (0, 0, 0, 2)))


def _of_warning(warning: Warning) -> Label:
    """A warning about something that is no label of the service, shown as if it was one."""
    return Label(key=warning.label, value=warning.value, verdict="suspicious", texts=(warning.text,))


def _short(value: str) -> str:
    return value if len(value) <= _LONG else f"{value[:_LONG]}…"


def _routes(routes: Sequence[CheckedRoute], console: Console) -> None:
    table = Table(title="routes, in the order in which they are tried", title_justify="left", title_style="bold",
                  box=None, pad_edge=False, header_style="dim")  # fmt: skip
    table.add_column("priority", justify="right", no_wrap=True)
    table.add_column("rule", overflow="fold", ratio=3)
    table.add_column("services", overflow="fold", ratio=2)
    table.add_column("cookie", overflow="fold", ratio=1, min_width=9)
    table.add_column("tasks", justify="right", no_wrap=True)
    for route in routes:
        tasks = "1/node" if route.tasks is None else str(route.tasks)
        services = "\n".join(one_line(name) for name in route.services)
        rule = Text.assemble(one_line(_short(route.rule)), "\n", (one_line(_short(route.meaning)), "dim"))
        table.add_row(str(route.priority), rule, Text(services), Text(one_line(route.cookie or "none")), tasks)
    console.print(table)
