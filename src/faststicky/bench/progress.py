"""A live line while a run is under way."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from faststicky.bench.plan import Plan
from faststicky.bench.slices import Slice, total
from faststicky.bench.table import duration

WINDOW = 1.0  # seconds that rate and percentiles are about


class Live:
    """Fed with slices as they come."""

    def __init__(self, console: Console, plan: Plan, title: str = "") -> None:
        self._plan = plan
        self._recent: deque[tuple[float, Slice]] = deque()
        self._done = self._failed = 0
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[now]}"), TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        whole = plan.warm_up + plan.duration if plan.duration else float(plan.requests)
        self._task = self._progress.add_task(title or plan.target.url, total=whole, now="")
        self._began = time.monotonic()

    def __enter__(self) -> Live:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_slice(self, part: Slice) -> None:
        """A process has told what it did."""
        self._recent.append((time.monotonic(), part))
        self._failed += sum(part.failures.values())
        self._done += part.requests

    def on_tick(self) -> None:
        """Show what is known now."""
        now = time.monotonic()
        while self._recent and self._recent[0][0] < now - WINDOW:
            self._recent.popleft()
        done = now - self._began if self._plan.duration else float(self._done)
        self._progress.update(self._task, completed=done, now=self.line())

    def line(self) -> str:
        """Rate, percentiles and errors of the last moments."""
        last = total(part for _, part in self._recent)
        latency = last.corrected if self._plan.rate else last.latency
        text = f"{last.requests / max(last.end - last.begin, 0.25):,.0f}/s"
        text += f"  p50 {duration(latency.percentile(0.5))}  p99 {duration(latency.percentile(0.99))}"
        return text + (f"  [red]{self._failed} errors[/]" if self._failed else "")
