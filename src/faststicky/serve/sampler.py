"""Reads the series of all workers, and names them."""

from __future__ import annotations

import time
from collections.abc import Callable

from faststicky.core import _stats
from faststicky.observe.histogram import Histogram
from faststicky.observe.numbers import Numbers
from faststicky.observe.sample import Sample, ServiceSample, TaskSample
from faststicky.serve.regions import Regions
from faststicky.serve.series import SeriesBook

Mark = tuple[tuple[int, bool], ...]  # of a series in each region, and whether a worker is there


class Sampler:
    """Totals since each series was given out.

    Several samples are kept, and most of a large Swarm is idle: what has not changed is not read, and is the same object as in the
    sample before. That also spares the process's memory: what is made for a moment leaves holes.
    """

    def __init__(self, regions: Regions, book: SeriesBook) -> None:
        self._regions = regions
        self._book = book
        self._tasks: dict[tuple[str, str], tuple[Mark, TaskSample]] = {}
        self._services: dict[str, tuple[Mark, ServiceSample]] = {}

    def read(self) -> Sample:
        """For each backend and service that has changed it takes some 10 µs, times the workers; for another 1 µs."""
        tasks, by_service = {}, dict[str, dict[str, TaskSample]]()
        for owner, number in self._book.backends.known.items():
            service, ident = owner
            name = self._book.names.get(owner, ident)
            mark, known = self._mark(_stats.mark_backend, number), self._tasks.get(owner)
            if known is None or known[0] != mark or known[1].name != name:
                known = (mark, TaskSample(id=ident, name=name, numbers=self._backend(number)))
            tasks[owner] = known
            by_service.setdefault(service, {})[ident] = known[1]
        self._tasks = tasks
        services = {}
        for name, number in self._book.services.known.items():
            own = by_service.get(name, {})
            mark, old = self._mark(_stats.mark_service, number), self._services.get(name)
            if old is None or old[0] != mark or old[1].tasks != own:
                old = (mark, self._service(name, number, own))
            services[name] = old
        self._services = services
        whole = self._service("", 0, {})
        return Sample(at=time.monotonic(), whole=whole, services={name: one for name, (_, one) in services.items()})

    def _mark(self, mark: Callable[[object, int], int], series: int) -> Mark:
        """To be taken before the series is read: what is counted in between is then seen the next time."""
        return tuple((mark(region.memory, series), region.in_use) for region in self._regions)

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
