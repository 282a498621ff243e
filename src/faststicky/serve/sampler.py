"""Reads the series of all workers, and names them."""

from __future__ import annotations

import time

from faststicky.core import _stats
from faststicky.observe.histogram import Histogram
from faststicky.observe.numbers import Numbers
from faststicky.observe.sample import Sample, ServiceSample, TaskSample
from faststicky.serve.regions import Regions
from faststicky.serve.series import SeriesBook


class Sampler:
    """Totals since each series was given out.

    Several samples are kept, and most of a large Swarm is idle: what has not changed is the same object as in the one before.
    """

    def __init__(self, regions: Regions, book: SeriesBook) -> None:
        self._regions = regions
        self._book = book
        self._last: dict[str, ServiceSample] = {}

    def read(self) -> Sample:
        """Takes some 10 µs for each backend and 5 for each service, times the workers."""
        by_service: dict[str, dict[str, TaskSample]] = {}
        for (service, ident), number in self._book.backends.known.items():
            name = self._book.names.get((service, ident), ident)
            sample = TaskSample(id=ident, name=name, numbers=self._backend(number))
            old = self._last[service].tasks.get(ident) if service in self._last else None
            by_service.setdefault(service, {})[ident] = old if old is not None and old == sample else sample
        whole = self._service("", 0, {})
        services = {}
        for name, number in self._book.services.known.items():
            new, before = self._service(name, number, by_service.get(name, {})), self._last.get(name)
            services[name] = before if before is not None and before == new else new
        self._last = services
        return Sample(at=time.monotonic(), whole=whole, services=services)

    def _service(self, name: str, series: int, tasks: dict[str, TaskSample]) -> ServiceSample:
        numbers, first_byte, total = Numbers(), Histogram(), Histogram()
        for region in self._regions:
            counters, histograms = _stats.read_service(region.memory, series)
            numbers.add(counters, gauges=region.in_use)
            first_byte.add_counts(histograms["first_byte"])
            total.add_counts(histograms["total"])
        return ServiceSample(name=name, numbers=numbers, first_byte=first_byte, total=total, tasks=tasks)

    def _backend(self, series: int) -> Numbers:
        numbers = Numbers()
        for region in self._regions:
            numbers.add(_stats.read_backend(region.memory, series), gauges=region.in_use)
        return numbers
