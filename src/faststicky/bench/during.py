"""A command in the middle of a run, and what it cost."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from faststicky.bench.result import percentiles
from faststicky.bench.slices import Slice, total

SETTLE = 1.0  # seconds behind the command's end that still belong to it


class During(threading.Thread):
    """Runs a shell command `delay` seconds after it was started; never longer than `limit` seconds."""

    def __init__(self, command: str, delay: float, limit: float) -> None:
        super().__init__(daemon=True)
        self.command = command
        self.code: int | None = None
        self.begin = self.end = 0.0  # seconds since the beginning
        self._delay, self._limit = delay, limit

    def run(self) -> None:
        """The thread."""
        zero = time.monotonic()
        time.sleep(self._delay)
        self.begin = time.monotonic() - zero
        try:
            # The command is the user's own, given on the user's own command line
            self.code = subprocess.run(self.command, shell=True, timeout=self._limit, check=False).returncode  # noqa: S602
        except subprocess.TimeoutExpired:
            self.code = None
        self.end = time.monotonic() - zero


class Cost(msgspec.Struct, kw_only=True):
    """A run before, during and after its command."""

    command: str
    code: int | None  # exit code; None: it was ended, since the run was over
    begin: float
    end: float
    parts: dict[str, Slice]

    @classmethod
    def of(cls, during: During, slices: Sequence[Slice], seconds: float) -> Cost:
        """seconds: of the run, with its warm-up."""
        end = (during.end or seconds) + SETTLE
        counted = [each for each in slices if each.phase != "warm-up"]
        parts = {
            "before": [each for each in counted if each.end <= during.begin],
            "during": [each for each in counted if each.end > during.begin and each.begin < end],
            "after": [each for each in counted if each.begin >= end],
        }
        return cls(
            command=during.command,
            code=during.code,
            begin=during.begin,
            end=during.end or seconds,
            parts={name: total(each) for name, each in parts.items()},
        )

    def summary(self) -> dict[str, Any]:
        """For --json."""
        return {
            "command": self.command,
            "exit_code": self.code,
            "began_at": round(self.begin, 2),
            "ended_at": round(self.end, 2),
            "parts": {
                name: {
                    "requests": part.requests,
                    "errors": part.failures,
                    "answered_by_another_backend": part.elsewhere,
                    "latency_us": percentiles(part.corrected if part.corrected.counts else part.latency),
                }
                for name, part in self.parts.items()
            },
        }
