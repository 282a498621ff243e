"""Keeps a flapping service from flooding the log: so many lines a minute of each message and service."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

LIMIT = 30  # lines a minute of one message for one service and one reason
MINUTE = 60.0
_TELLING = ("service", "backend", "kind", "reason")  # details that make it another message
_MANY = 4096  # different ones that are remembered


class LogGate(logging.Filter):
    """A filter of the log's handler."""

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._limit = limit
        self._clock = clock
        self._seen: dict[tuple[Any, ...], list[float]] = {}  # begin of its minute, lines in it

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a line too many. The first of a new minute gets `suppressed`, the number of those before it."""
        passes, suppressed = self.judge(record)
        if suppressed:
            record.suppressed = suppressed
        return passes

    def judge(self, record: logging.LogRecord) -> tuple[bool, int]:
        """Whether it passes, and how many like it were held back in the minute before."""
        if record.levelno < logging.INFO:
            return True, 0
        details = vars(record)
        what = record.getMessage() if record.msg == "%s" else record.msg
        key = (record.name, what, *(details.get(name, "") for name in _TELLING))
        now = self._clock()
        begin, lines = self._seen.get(key, (now, 0))
        suppressed = 0
        if now - begin >= MINUTE:
            suppressed = max(0, int(lines - self._limit))
            begin, lines = now, 0
        if key not in self._seen and len(self._seen) >= _MANY:
            self._seen = {one: seen for one, seen in self._seen.items() if now - seen[0] < MINUTE}
        self._seen[key] = [begin, lines + 1]
        return lines < self._limit, suppressed
