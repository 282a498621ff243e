"""Keeps a flapping service from flooding the log: so many lines a minute of each message and service."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

LIMIT = 30  # lines a minute of one message for one service and one reason
MINUTE = 60.0
UNTOLD = 3600.0  # seconds that the number of lines held back waits for the next line like them
_TELLING = ("service", "backend", "kind", "reason")  # details that make it another message
_MANY = 4096  # different ones that are told apart; further ones of a logger are cut together


class LogGate(logging.Filter):
    """A filter of the log's handler. It remembers what was said in the last two minutes, and what was held back."""

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._limit = limit
        self._clock = clock
        self._seen: dict[tuple[Any, ...], tuple[float, int]] = {}  # begin of its minute, lines in it
        self._swept = clock()

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
        if now - self._swept >= MINUTE:
            self._swept = now
            seen = self._seen.copy()  # in one step: other threads log meanwhile
            self._seen = {one: told for one, told in seen.items() if now - told[0] < self._kept(told[1])}
        if key not in self._seen and len(self._seen) >= _MANY:
            key = (record.name,)
        begin, lines = self._seen.get(key, (now, 0))
        suppressed = 0
        if now - begin >= MINUTE:
            suppressed = max(0, lines - self._limit)
            begin, lines = now, 0
        self._seen[key] = (begin, lines + 1)
        return lines < self._limit, suppressed

    def _kept(self, lines: int) -> float:
        return MINUTE if lines <= self._limit else UNTOLD
