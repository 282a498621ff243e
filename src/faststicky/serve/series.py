"""Which series of the counters belongs to which service and backend.

A number stays with its owner for as long as the table has it, and rests afterwards: requests in flight may still count
there, the last statistics have to be written, and an owner that comes back goes on counting. Only then is it cleared
and given to another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import msgspec

from faststicky.core._stats import BACKENDS, SERVICES
from faststicky.model import BackendSpec, ServiceSpec, TableSpec

REST = 600.0  # seconds from the last use of a number to its next owner

Owner = TypeVar("Owner")


class Ledger(Generic[Owner]):
    """Numbers 1 to `size` - 1. Owners beyond that are given 0."""

    def __init__(self, size: int, clear: Callable[[int], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.held: dict[Owner, int] = {}
        self._resting: dict[Owner, tuple[int, float]] = {}  # in the order of their leaving
        self._size = size
        self._next = 1
        self._clear = clear
        self._clock = clock

    @property
    def known(self) -> dict[Owner, int]:
        """Those of the table, and those that left it not long ago."""
        return {**self.held, **{owner: number for owner, (number, _) in self._resting.items()}}

    def assign(self, owners: Iterable[Owner]) -> dict[Owner, int]:
        """The numbers of all owners that there are from now on."""
        now, wanted = self._clock(), dict.fromkeys(owners)
        for owner in [owner for owner in self.held if owner not in wanted]:
            self._resting[owner] = (self.held.pop(owner), now)
        for owner in wanted:
            if owner not in self.held:
                number = self._number(owner, now)
                if number:
                    self.held[owner] = number
        return {owner: self.held.get(owner, 0) for owner in wanted}

    def _number(self, owner: Owner, now: float) -> int:
        if owner in self._resting:
            return self._resting.pop(owner)[0]
        first = next(iter(self._resting), None)
        if first is not None and now - self._resting[first][1] >= REST:
            number = self._resting.pop(first)[0]
            self._clear(number)
            return number
        if self._next == self._size:
            return 0
        self._next += 1
        return self._next - 1


class SeriesBook:
    """Both ledgers, and the tables that carry their numbers."""

    def __init__(
        self,
        clear_service: Callable[[int], None],
        clear_backend: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clear_...: sets a series to zero in every region."""
        self.services: Ledger[str] = Ledger(SERVICES, clear_service, clock)
        self.backends: Ledger[tuple[str, str]] = Ledger(BACKENDS, clear_backend, clock)  # (service, backend's ID)
        self.names: dict[tuple[str, str], str] = {}  # of backends that have a number, for people
        self._numbered: dict[str, tuple[ServiceSpec, ServiceSpec]] = {}  # as sealed, with numbers

    def number(self, table: TableSpec) -> TableSpec:
        """The same table with its series. Services that did not change are the same objects as the last time."""
        of_service = self.services.assign(service.name for service in table.services)
        of_backend = self.backends.assign((s.name, b.id) for s in table.services for b in s.backends)
        self.names.update(((s.name, b.id), b.name) for s in table.services for b in s.backends)
        known = self.backends.known
        self.names = {owner: name for owner, name in self.names.items() if owner in known}
        numbered: dict[str, tuple[ServiceSpec, ServiceSpec]] = {}
        for service in table.services:
            old = self._numbered.get(service.name)
            if old is not None and old[0] == service and old[1].series == of_service[service.name]:
                numbered[service.name] = old
                continue
            new = msgspec.structs.replace(
                service,
                series=of_service[service.name],
                backends=tuple(_numbered(b, of_backend[service.name, b.id]) for b in service.backends),
            )
            numbered[service.name] = (service, new)
        self._numbered = numbered
        return msgspec.structs.replace(table, services=tuple(numbered[s.name][1] for s in table.services))


def _numbered(backend: BackendSpec, series: int) -> BackendSpec:
    return msgspec.structs.replace(backend, series=series)
