"""What the relays report, as log lines: why an answer of our own was given, which backend failed, who was refused.

A flood of one kind (a service that is down, a scanner) is cut to a few lines a second, then told in one line: for each
service, so that one that is down does not hide what happens to another.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from faststicky.serve.relay_remedies import remedy

log = logging.getLogger("faststicky.relay")

LINES_PER_SECOND = 10  # of each kind

Kind = tuple[str, str]
"""What happened ("answered 503"), and the service."""

_EMPTY = (None, "", 0)  # values that say nothing
_REMEDY = "mend what the lines of this kind tell of; the statistics count all of them"


class FloodGate:
    """At most `limit` lines a second of each kind; what is cut is counted until `summaries` is asked."""

    def __init__(self, limit: int = LINES_PER_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._kinds: dict[Kind, tuple[float, int, int]] = {}  # start of its second, lines passed, lines cut

    def passes(self, kind: Kind) -> bool:
        """True if one more line of this kind may be written."""
        now = self._clock()
        start, passed, cut = self._kinds.get(kind, (now, 0, 0))
        if now - start >= 1.0:
            start, passed = now, 0
        allowed = passed < self._limit
        self._kinds[kind] = (start, passed + allowed, cut + (not allowed))
        return allowed

    def summaries(self) -> dict[Kind, int]:
        """How many lines of each kind were cut since the last call."""
        now = self._clock()
        cut = {kind: cut for kind, (_, _, cut) in self._kinds.items() if cut}
        self._kinds = {
            kind: (start, passed, 0)
            for kind, (start, passed, cut) in self._kinds.items()
            if cut or now - start < 1.0  # others have nothing to remember
        }
        return cut


class RelayLog:
    """Writes the events of all workers; `tell_suppressed` once a second."""

    def __init__(self, gate: FloodGate | None = None) -> None:
        self._gate = gate if gate is not None else FloodGate()

    def write(self, worker: int, event: Mapping[str, Any]) -> None:
        """event: as in core.Relay's on_event."""
        kind = _kind(event)
        if self._gate.passes(kind):
            fields = {
                _safe(key): _text(value) for key, value in event.items() if key != "event" and value not in _EMPTY
            }
            fields["worker"] = worker
            level = _level(event)
            if level >= logging.WARNING:
                fields["remedy"] = remedy(event)
            log.log(level, str(event.get("event", "relay event")), extra=fields)

    def lost(self, worker: int, number: int) -> None:
        """A worker had more events than its batch holds."""
        if number and self._gate.passes(("lost", "")):
            log.warning("relay events suppressed", extra={"worker": worker, "number": number, "remedy": _REMEDY})

    def tell_suppressed(self) -> None:
        """One line for each kind that was cut."""
        for (kind, service), number in self._gate.summaries().items():
            named = {"service": service} if service else {}
            extra = {"kind": kind, **named, "number": number, "remedy": _REMEDY}
            log.warning("relay events suppressed", extra=extra)


def _kind(event: Mapping[str, Any]) -> Kind:
    return f"{event.get('event', '')} {event.get('status') or ''}".strip(), str(event.get("service") or "")


def _level(event: Mapping[str, Any]) -> int:
    """Our own 5xx and failing backends are worth a warning; what clients do wrong is not."""
    status = event.get("status")
    if isinstance(status, int) and 100 <= status < 500:  # 0: nothing was answered, the relay goes on trying
        return logging.INFO
    return logging.INFO if event.get("event") == "restored" else logging.WARNING


def _safe(key: str) -> str:
    """logging refuses extra keys that a record has itself ("name", "message")."""
    return f"relay_{key}" if key in vars(logging.makeLogRecord({})) or key in ("message", "asctime") else key


def _text(value: object) -> object:
    return value.decode("latin-1") if isinstance(value, bytes) else value
