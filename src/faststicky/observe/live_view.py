"""What the feed of live events tells, as a picture for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import orjson
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

SORTS = ("name", "rate", "users", "errors", "in flight")
_KEYS = {"rate": 1, "errors": 2, "users": 3, "in flight": 4}
_BARS = " ▁▂▃▄▅▆▇█"
_COLOURS = {"up": "green", "draining": "yellow", "leaving": "yellow", "down": "red"}
SPARK = 40


class Choice(msgspec.Struct, kw_only=True):
    """What the one who looks has chosen. service: "" for all."""

    sort: str = "name"
    service: str = ""
    filter: str = ""
    typing: bool = False


class LiveView:
    """Fed with the feed's messages."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}
        self.numbers: dict[str, Any] = {}
        self.points: dict[str, list[list[Any]]] = {}
        self.event = ""

    def take(self, kind: str, content: Any) -> None:
        """One message; kinds that are not known are passed over."""
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
        elif kind == "event":
            where = " ".join(part for part in (content["service"], content["task"]) if part)
            self.event = f"{content['time'][11:19]} {where} {content['text']}"

    @property
    def services(self) -> list[str]:
        """Names, in the table's order."""
        return [service["name"] for service in self.state.get("services", ())]

    def render(self, choice: Choice, width: int, height: int) -> RenderableType:
        """At most `height` lines."""
        if not self.state or not self.numbers:
            return Text("waiting for the proxy")
        parts: list[RenderableType] = [self._head(width)]
        room = height - 6
        for service in self.state["services"]:
            if choice.service and service["name"] != choice.service:
                continue
            rows = list(self._rows(service, choice))
            if (choice.filter and not rows) or room < 4:
                continue
            parts.append(self._service(service, rows[: room - 3], len(rows), width))
            room -= min(len(rows), room - 3) + 3
        parts.append(Text(self.event, style="dim", no_wrap=True, overflow="ellipsis"))
        typed = f"filter: {choice.filter}{'_' if choice.typing else ''}  " if choice.filter or choice.typing else ""
        parts.append(
            Text(
                f"{typed}q quit  s sort ({choice.sort})  tab service ({choice.service or 'all'})  / filter", style="dim"
            )
        )
        return Group(*parts)

    def _head(self, width: int) -> Text:
        numbers, readiness = self.numbers, self.numbers["readiness"]
        rate, errors, p50, p99 = (self.points.get("") or [[0, 0, None, None]])[-1]
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append("faststicky ", style="bold")
        text.append(f"{rate:,.1f} req/s  ")
        text.append(f"{errors:,.1f} 5xx/s", style="red" if errors else "")
        text.append(f"  p50 {_ms(p50)} p99 {_ms(p99)}  {numbers['sessions']:,} users")
        text.append(f"  {numbers['connections']:,} connections  table {readiness['generation']}")
        if readiness["error"]:
            text.append(f"\nthe last good table stays: {readiness['error']}", style="red")
        text.append(f"\n{spark([point[0] for point in self.points.get('', [])], min(SPARK, width - 12))}", style="cyan")
        return text

    def _rows(self, service: dict[str, Any], choice: Choice) -> Iterator[tuple[dict[str, Any], list[float]]]:
        numbers = self.numbers["services"].get(service["name"], {}).get("backends", {})
        rows = [(backend, numbers.get(backend["id"], [0] * 7)) for backend in service["backends"]]
        if choice.sort in _KEYS:
            rows.sort(key=lambda row: -row[1][_KEYS[choice.sort]])
        words = choice.filter.lower().split()
        for backend, row in rows:
            shown = f"{service['name']} {backend['name']} {backend['node']} {backend['state']}".lower()
            if all(word in shown for word in words):
                yield backend, row

    def _service(
        self, service: dict[str, Any], rows: Iterable[tuple[dict[str, Any], list[float]]], whole: int, width: int
    ) -> Table:
        numbers = self.numbers["services"].get(service["name"])
        hit = numbers["hit_rate"] if numbers else None
        times = numbers["first_byte_ms"] if numbers else {"p50": None, "p99": None}
        rate = numbers["counts"]["rate"] if numbers else 0.0
        title = Text(service["name"], style="bold")
        kept = "" if hit is None else f"  {hit:.1%} kept"
        title.append(f"  {rate:,.1f} req/s  p50 {_ms(times['p50'])} p99 {_ms(times['p99'])}{kept}", style="dim")
        table = Table(
            title=title, title_justify="left", box=None, pad_edge=False, header_style="dim", width=min(width, 110)
        )
        table.add_column(f"task ({whole})", ratio=3, no_wrap=True, overflow="ellipsis")
        table.add_column("state", no_wrap=True)
        for name in ("users", "req/s", "in flight", "5xx", "requests"):
            table.add_column(name, justify="right", no_wrap=True)
        for backend, (requests, each, errors, sessions, in_flight, *_) in rows:
            state = Text(backend["state"], style=_COLOURS.get(backend["state"], ""))
            table.add_row(
                Text(backend["name"]), state, f"{sessions:,}", f"{each:,.1f}", f"{in_flight:,}",
                Text(f"{errors:,}", style="red" if errors else ""), f"{requests:,}",
            )  # fmt: skip
        return table


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


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"
