"""What the feed of live events tells, as a picture for a terminal."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import orjson
from rich.console import Group, RenderableType
from rich.text import Text

from faststicky.observe.numbers import moved_text

SORTS = ("name", "rate", "users", "errors", "in flight")
PANELS = ("services", "warnings", "events")
SPARK = 40
EVENTS = 200  # that are kept
WIDE = 140  # columns from which the reason stands beside the state

_KEYS = {"rate": 1, "errors": 2, "users": 3, "in flight": 4}  # places in a backend's row
_EJECTED, _CONNECT_ERRORS, _RESETS = 7, 8, 9
_COUNTS = {"rate": "rate", "errors": "errors", "users": "sessions", "in flight": "in_flight"}  # of a service
_COLUMNS = (("users", 7), ("req/s", 9), ("in flight", 10), ("5xx", 7), ("requests", 11))
_BARS = " ▁▂▃▄▅▆▇█"
_COLOURS = {"up": "green", "draining": "yellow", "leaving": "yellow", "down": "red", "ejected": "red"}
_EVENT_COLOURS = {"warning": "yellow", "error": "red"}
_NUMBERS = 44  # columns of all numbers together
_STATE = 9
_WHY = 58  # columns of the reason

Row = tuple[dict[str, Any], list[float]]


class Choice(msgspec.Struct, kw_only=True):
    """What the one who looks has chosen. service: "" for all. offset: lines, or services, that are scrolled past."""

    sort: str = "name"
    service: str = ""
    filter: str = ""
    typing: bool = False
    panel: str = "services"
    offset: int = 0


class LiveView:
    """Fed with the feed's messages."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.numbers: dict[str, Any] = {}
        self.points: dict[str, list[list[Any]]] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self.problem = ""  # of the connection to the proxy

    def take(self, kind: str, content: Any) -> None:
        """One message; kinds that are not known are passed over."""
        self.problem = ""
        if kind == "state":
            self.state = content
        elif kind == "history":
            self.points, self.numbers = content["points"], {}
        elif kind == "numbers":
            for name, service in content["services"].items():
                old = self.numbers.get("services", {}).get(name, {}).get("backends", {})
                service["backends"] = {**old, **service["backends"]}
            if self.numbers:
                for name, point in content["points"].items():
                    self.points[name] = [*self.points.get(name, []), point][-SPARK:]
            self.numbers = content
        elif kind == "event" and content not in self.events:  # the last ones were asked for, too
            self.events.append(content)

    @property
    def services(self) -> list[str]:
        """Names, in the table's order."""
        return [service["name"] for service in self.state.get("services", ())]

    def render(self, choice: Choice, width: int, height: int) -> RenderableType:
        """At most `height` lines of `width` columns."""
        if not self.state or not self.numbers:
            return Text(self.problem or "waiting for the proxy")
        head, foot = self._head(width), self._foot(choice)
        room = max(0, height - len(head) - len(foot))
        if choice.panel == "services":
            body = self._services(choice, width, room)
        else:
            body = (self._told(width) if choice.panel == "events" else self._warnings(width))[choice.offset :]
        return Group(*(_cut(line, width) for line in (*head, *body[:room], *foot)[:height]))

    # ---- above and below

    def _head(self, width: int) -> list[Text]:
        numbers, readiness = self.numbers, self.numbers["readiness"]
        _, _, p50, p99 = (self.points.get("") or [[0, 0, None, None]])[-1]
        text = Text()
        text.append("faststicky ", style="bold")
        text.append(f"{numbers['rate']:,.1f} req/s  ")
        text.append(f"{numbers['errors']:,.1f} 5xx/s", style="red" if numbers["errors"] else "")
        text.append(f"  p50 {_ms(p50)} p99 {_ms(p99)}  {_counted(numbers['sessions'], 'user')}")
        text.append(f"  {_counted(numbers['connections'], 'connection')}")
        lines = [text]
        if readiness["error"]:
            lines += _wrapped(f"the last good table stays: {readiness['error']}", width, "red", indent="")
        elif not readiness["ready"]:
            lines.append(Text("not ready: no table is in force in every worker yet", style="red"))
        if self.problem:
            lines += _wrapped(self.problem, width, "red", indent="")
        age = "as it was when the connection was lost" if self.problem else _confirmed(readiness["age"])
        table = Text(f"table {readiness['generation']} {age}  ")
        rates = [point[0] for point in self.points.get("", [])]
        table.append(spark(rates, max(1, min(SPARK, width - len(table)))), style="cyan")
        return [*lines, table]

    def _foot(self, choice: Choice) -> list[Text]:
        last = _event(self.events[-1]) if self.events else Text()
        typed = f"filter: {choice.filter}{'_' if choice.typing else ''}  " if choice.filter or choice.typing else ""
        warnings = _counted(len(self.state.get("warnings", ())), "warning")
        keys = f"{typed}q quit  w {warnings}  e events  s sort ({choice.sort})  tab {choice.service or 'all'}  / filter  ↑↓ scroll"
        return [last, Text(keys, style="dim")]

    # ---- services and tasks

    def _services(self, choice: Choice, width: int, room: int) -> list[Text]:
        blocks = []
        for service in self.state["services"]:
            rows = list(self._rows(service, choice))
            if (not choice.service or service["name"] == choice.service) and (rows or not choice.filter):
                blocks.append((service, rows))
        if choice.sort in _COUNTS:
            blocks.sort(key=lambda block: -self._of(block[0]).get("counts", {}).get(_COUNTS[choice.sort], 0))
        lines = [_line("task", "state", [name for name, _ in _COLUMNS], width, "dim")]
        if not blocks:
            return [*lines, Text(self._nothing(choice))]
        if len(blocks) == 1:
            (service, rows), skipped = blocks[0], min(choice.offset, max(0, len(blocks[0][1]) - 1))
            title = self._title(service, len(rows), width)
            return [*lines, *title, *self._tasks(service["name"], rows[skipped:], width)]
        skipped = min(choice.offset, max(0, len(blocks) - 1))
        blocks, whole = blocks[skipped:], len(blocks)
        fits = (
            sum(
                len(self._title(service, len(rows), width)) + len(self._tasks(service["name"], rows, width))
                for service, rows in blocks
            )
            < room
        )
        most = max(2, room // max(1, len(blocks)) - 1)
        for number, (service, rows) in enumerate(blocks):
            shown = rows if fits else _worst_first(rows)[:most]
            title = self._title(service, len(rows), width, len(shown))
            made = [*title, *self._tasks(service["name"], shown, width)]
            if number and len(lines) + len(made) > room - (number + 1 < len(blocks)):
                lines.append(Text(f"… {whole - skipped - number} more services of {whole}", style="dim"))
                break
            lines += made
        return lines

    def _of(self, service: dict[str, Any]) -> dict[str, Any]:
        numbers: dict[str, Any] = self.numbers["services"].get(service["name"], {})
        return numbers

    def _rows(self, service: dict[str, Any], choice: Choice) -> Iterator[Row]:
        numbers = self._of(service).get("backends", {})
        rows = [(backend, numbers.get(backend["id"], [0] * 10)) for backend in service["backends"]]
        if choice.sort in _KEYS:
            rows.sort(key=lambda row: -row[1][_KEYS[choice.sort]])
        words = choice.filter.lower().split()
        for backend, row in rows:
            shown = f"{service['name']} {backend['name']} {backend['node']} {_state(backend, row)}".lower()
            if all(word in shown for word in words):
                yield backend, row

    def _nothing(self, choice: Choice) -> str:
        if choice.service and choice.service not in self.services:
            return f"no service is called {choice.service}; tab: all of them"
        return "nothing fits the filter; Esc: all" if choice.filter else "no service is routed yet"

    def _title(self, service: dict[str, Any], whole: int, width: int, shown: int | None = None) -> list[Text]:
        """The service's name and facts, in as many lines as these take."""
        numbers = self._of(service)
        title = Text(service["name"], style="bold")
        if service["backends"]:
            facts = [_counted(whole, "task") if shown in (None, whole) else f"{shown} of {whole} tasks"]
        else:
            facts = []
            title.append("  no task: requests are answered with 503", style="red")
        if numbers:
            hit, times, outcomes = numbers["hit_rate"], numbers["first_byte_ms"], numbers["outcomes"]
            facts.append(f"{numbers['counts']['rate']:,.1f} req/s")
            facts.append(f"{numbers['counts']['requests']:,} requests")
            facts += [f"{count:,} 5xx"] if (count := numbers["counts"]["errors"]) else []
            facts.append(f"p50 {_ms(times['p50'])} p99 {_ms(times['p99'])}")
            facts += [] if hit is None else [f"{hit:.1%} kept"]
            facts += [f"{outcomes['slot']:,} by slot"] if outcomes.get("slot") else []
            facts += [text] if (text := moved_text(outcomes)) else []
            facts += [f"{count:,} own {status}" for status, count in numbers["failures"].items() if count]
            facts += [f"{numbers['counts']['queued']:,} waiting"] if numbers["counts"]["queued"] else []
        lines = [title]
        for fact in facts:
            if len(lines[-1]) + 2 + len(fact) > width and len(lines[-1]) > 2:
                lines.append(Text())
            lines[-1].append(f"  {fact}", style="dim")
        return lines

    def _tasks(self, service: str, rows: Iterable[Row], width: int) -> list[Text]:
        lines = []
        for backend, row in rows:
            requests, each, errors, sessions, in_flight = row[:5]
            shown = _state(backend, row)
            values = [f"{sessions:,}", f"{each:,.1f}", f"{in_flight:,}", f"{errors:,}", f"{requests:,}"]
            name = backend["name"]
            if len(name) + 2 > _name_columns(width):  # the service is written above
                name = name.removeprefix(service)
            line = _line(f"  {name}", shown, values, width, "", _COLOURS.get(shown, ""), bad=3 if errors else None)
            why = _failing(row) if shown == "ejected" else backend.get("why", "")
            if why and width >= WIDE:
                line.append(f"  {why}", style="dim")
            lines.append(line)
            if why and width < WIDE:
                lines.append(Text(f"    {why}", style="dim"))
        return lines

    # ---- other panels

    def _warnings(self, width: int) -> list[Text]:
        lines: list[Text] = []
        for warning in self.state.get("warnings", ()):
            value = f"={warning['value']}" if warning["value"] else ""
            service = f"{warning['service']}: " if warning["service"] else ""
            lines.append(Text(f"{service}{warning['label']}{value}", style="yellow"))
            lines += _wrapped(warning["text"], width)
        return lines or [Text("no label warnings")]

    def _told(self, width: int) -> list[Text]:
        lines: list[Text] = []
        for event in reversed(self.events):
            first, *rest = _wrapped(_event(event).plain, width, _event_style(event), indent="         ")
            lines += [Text(first.plain.strip(), style=first.style), *rest]
        return lines or [Text("no events yet")]


def _worst_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: _state(*row) == "up")


def _state(backend: dict[str, Any], row: list[float]) -> str:
    """Of a task that is up, whether its requests fail."""
    return "ejected" if row[_EJECTED] and backend["state"] == "up" else str(backend["state"])


def _failing(row: list[float]) -> str:
    parts = [(row[_CONNECT_ERRORS], "connections failed"), (row[_RESETS], "answers lost")]
    counted = ", ".join(f"{number:,} {what}" for number, what in parts if number)
    return f"its requests fail: {counted}" if counted else "its requests fail"


def _name_columns(width: int) -> int:
    return min(60, max(8, width - _NUMBERS - _STATE - (_WHY if width >= WIDE else 0)))


def _line(
    name: str, state: str, values: list[str], width: int, style: str, colour: str = "", bad: int | None = None
) -> Text:
    """Columns of the same width in every line, so that nothing jumps."""
    first = Text(name, style=style)
    first.truncate(_name_columns(width), overflow="ellipsis", pad=True)
    line = Text()
    line.append_text(first)
    line.append(f" {state:<{_STATE - 1}}", style=style or colour)
    for place, (value, (_, size)) in enumerate(zip(values, _COLUMNS, strict=True)):
        line.append(f"{value:>{size}}", style=style or ("red" if place == bad else ""))
    return line


def _event(event: dict[str, Any]) -> Text:
    where = " ".join(part for part in (event["service"], event["task"]) if part)
    time = datetime.datetime.fromisoformat(event["time"]).astimezone()  # local, as on the page
    return Text(" ".join(filter(None, (f"{time:%H:%M:%S}", where, event["text"]))), style=_event_style(event))


def _event_style(event: dict[str, Any]) -> str:
    return _EVENT_COLOURS.get(event["level"], "dim")


def _wrapped(text: str, width: int, style: str = "", indent: str = "    ") -> list[Text]:
    lines, line = [], ""
    for word in text.split():
        if line and len(indent) + len(line) + len(word) + 1 > width:
            lines.append(Text(indent + line, style=style))
            line = ""
        line += f" {word}" if line else word
    return [*lines, Text(indent + line, style=style)]


def _confirmed(age: float | None) -> str:
    """How old the table is."""
    if age is None:
        return "never confirmed"
    return "confirmed now" if age < 1 else f"confirmed {age:,.0f} s ago"


def _cut(line: Text, width: int) -> Text:
    line.no_wrap, line.overflow = True, "ellipsis"
    line.truncate(width, overflow="ellipsis")
    return line


def spark(values: list[float], width: int) -> str:
    """A line of bars, the newest at the right."""
    shown = values[-max(1, width) :]
    top = max(shown, default=0) or 1
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in shown)


def messages(lines: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
    """Kind and content of each message of the feed, from its lines."""
    kind = ""
    for line in lines:
        if line.startswith(b"event: "):
            kind = line[7:].strip().decode()
        elif line.startswith(b"data: "):
            yield kind, orjson.loads(line[6:])


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"
