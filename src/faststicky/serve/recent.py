"""What happened lately, for the page, `faststicky top` and /api/events: changes of tasks, warnings, and that they are over."""

from __future__ import annotations

import datetime
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from faststicky.control.reasons import why
from faststicky.model import Snapshot, TableSpec
from faststicky.observe.stats_lines import timestamp
from faststicky.serve.log_gate import LogGate
from faststicky.serve.logs import details

KEPT = 300  # of each: changes of the table, warnings
TOGETHER = 10  # tasks of one service with the same change in one table, above which they are told in one event
ALIKE = 3  # warnings a minute of one message for one service: what a flood says must not push out the rest

# How messages begin that are no warnings, but the end of what one told of
GOOD_NEWS = ("restored", "sync works again", "lines can be written again")

# Details that nobody looks for, or that an event tells elsewhere
_UNTOLD = ("worker", "pid", "client", "service", "backend", "remedy")


class Recent(logging.Handler):
    """As a log handler it remembers warnings. `on_event` is called from whatever thread has something to tell."""

    def __init__(self, on_event: Callable[[dict[str, Any]], None] = lambda _event: None) -> None:
        super().__init__(logging.INFO)
        self.on_event = on_event
        self._changes: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._warnings: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._guard = threading.Lock()
        self._number = 0
        self._table: TableSpec | None = None
        self._gate = LogGate(ALIKE)

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """Those with an ID above `after`, oldest first."""
        with self._guard:
            both = [*self._changes, *self._warnings]
        return sorted((event for event in both if event["id"] > after), key=lambda event: event["id"])

    def emit(self, record: logging.LogRecord) -> None:
        """A warning or an error of the program's log, or that it is over."""
        if record.levelno < logging.WARNING and not str(record.msg).startswith(GOOD_NEWS):
            return
        passes, suppressed = self._gate.judge(record)
        if not passes:
            return
        extra = details(record)
        told = "".join(f", {key} {value}" for key, value in extra.items() if key not in _UNTOLD)
        remedy = f"; {extra['remedy']}" if extra.get("remedy") else ""
        more = f" ({suppressed} more like it before)" if suppressed else ""
        text = f"{record.getMessage()}{told}{more}{remedy}"
        level = {logging.INFO: "info", logging.WARNING: "warning"}.get(record.levelno, "error")
        service = str(extra.get("service", ""))
        self._add(self._warnings, level, text, service=service, task=str(extra.get("backend", "")))

    def published(self, table: TableSpec, snapshot: Snapshot | None = None) -> None:
        """Tell of it, then of what is different from the table before: that says more, and so comes last.

        snapshot: what it was made of, or a newer one: it says why.
        """
        before = self._backends(self._table) if self._table else {}
        after = self._backends(table)
        self._table = table
        reasons = _reasons(snapshot) if snapshot else {}

        def shown(key: tuple[str, str], what: str) -> str:
            reason = reasons.get((*key, after[key][1]))
            return f"{what}: {reason}" if reason else what

        changes: dict[tuple[str, str], list[str]] = {}  # names by service and what happened
        for key in [key for key in after if key not in before]:
            name, state = after[key]
            changes.setdefault((key[0], shown(key, f"came, {state}")), []).append(name)
        for key in [key for key in before if key not in after]:
            name, state = before[key]
            changes.setdefault((key[0], f"went, was {state}"), []).append(name)
        for key in [key for key in before if key in after]:
            (_, old), (name, new) = before[key], after[key]
            if old != new:
                changes.setdefault((key[0], shown(key, f"{new}, was {old}")), []).append(name)
        self._add(self._changes, "info", f"table {table.generation} is in force")
        for (service, what), names in changes.items():
            if len(names) > TOGETHER:
                self._add(self._changes, "info", f"{len(names)} tasks: {what}", service=service)
            else:
                for name in names:
                    self._add(self._changes, "info", what, service=service, task=name)

    def _add(self, ring: deque[dict[str, Any]], level: str, text: str, *, service: str = "", task: str = "") -> None:
        event: dict[str, Any] = {
            "id": 0,
            "time": timestamp(datetime.datetime.now(datetime.UTC)),
            "level": level,
            "service": service,
            "task": task,
            "text": text,
        }
        with self._guard:
            self._number += 1
            event["id"] = self._number
            ring.append(event)
        self.on_event(event)

    @staticmethod
    def _backends(table: TableSpec) -> dict[tuple[str, str], tuple[str, str]]:
        return {(s.name, b.id): (b.name, b.state) for s in table.services for b in s.backends}


def _reasons(snapshot: Snapshot) -> dict[tuple[str, str, str], str]:
    """By service, backend and its state."""
    return {
        (service.name, backend.id, backend.state): why(service, backend)
        for service in snapshot.services
        for backend in service.backends
        if backend.state != "up"
    }
