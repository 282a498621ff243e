"""The last minutes of every service: rates and percentiles, a point every two seconds, for charts."""

from __future__ import annotations

from collections import deque
from typing import Any

from faststicky.observe.sample import Sample, ServiceSample
from faststicky.observe.stats_lines import latency

POINTS = 90
WINDOW = 5  # samples over which percentiles are taken: few requests make jumpy ones

_NOTHING: list[float | None] = [0.0, 0.0, None, None]  # of most services, most of the time: kept once


class History:
    """Keeps the samples of one window, and points made of them."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=WINDOW + 1)
        self._points: dict[str, deque[list[float | None]]] = {}

    @property
    def last(self) -> Sample | None:
        """The newest sample."""
        return self._samples[-1] if self._samples else None

    def add(self, sample: Sample) -> None:
        """The next one; the first gives no point, since a rate needs two."""
        before = self.last
        self._samples.append(sample)
        if before is not None:
            seconds = max(sample.at - before.at, 1e-3)
            first = self._samples[0]
            self._add("", _point(sample.whole, before.whole, first.whole, seconds))
            for name, now in sample.services.items():
                self._add(name, _point(now, before.services.get(name), first.services.get(name), seconds))
            self._points = {key: points for key, points in self._points.items() if not key or key in sample.services}

    def _add(self, name: str, point: list[float | None]) -> None:
        self._points.setdefault(name, deque(maxlen=POINTS)).append(point)

    def points(self) -> dict[str, list[list[float | None]]]:
        """By service ("": all traffic), oldest first: requests, errors a second; p50, p99 of the first byte, ms."""
        return {name: list(points) for name, points in self._points.items()}

    def newest(self) -> dict[str, list[float | None]]:
        """The last point of each."""
        return {name: points[-1] for name, points in self._points.items() if points}

    def window(self) -> Sample | None:
        """What was counted in the last WINDOW samples; None before the second."""
        return self._samples[-1].since(self._samples[0]) if len(self._samples) > 1 else None


def _point(
    now: ServiceSample, before: ServiceSample | None, first: ServiceSample | None, seconds: float
) -> list[float | None]:
    """Rates since `before`, `seconds` ago, percentiles since `first`."""
    if now is first:  # the same all the time (serve/sampler.py)
        return _NOTHING
    numbers = now.numbers.since(before.numbers if before else None)
    times: dict[str, Any] = latency(now.first_byte.since(first.first_byte) if first else now.first_byte)
    return [round(numbers.requests / seconds, 2), round(numbers.answers[5] / seconds, 2), times["p50"], times["p99"]]
