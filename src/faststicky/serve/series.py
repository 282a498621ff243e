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
        wanted = dict.fromkeys(owners)
        self.change([owner for owner in self.held if owner not in wanted], wanted)
        return {owner: self.held.get(owner, 0) for owner in wanted}

    def change(self, gone: Iterable[Owner], there: Iterable[Owner]) -> list[Owner]:
        """Some owners leave, some are there; the others stay as they are. Returns those whose numbers have gone to others."""
        now = self._clock()
        forgotten: list[Owner] = []
        for owner in gone:
            if owner in self.held:
                self._resting[owner] = (self.held.pop(owner), now)
        for owner in there:
            if owner not in self.held:
                number = self._number(owner, now, forgotten)
                if number:
                    self.held[owner] = number
        return forgotten

    def _number(self, owner: Owner, now: float, forgotten: list[Owner]) -> int:
        if owner in self._resting:
            return self._resting.pop(owner)[0]
        first = next(iter(self._resting), None)
        if first is not None and now - self._resting[first][1] >= REST:
            number = self._resting.pop(first)[0]
            forgotten.append(first)
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
        changed = {each.name: each for each in table.services if not self._is_known(each, of_service[each.name])}
        gone = [old for name, (old, _) in self._numbered.items() if name in changed or name not in of_service]
        there = {(name, backend.id): backend.name for name, each in changed.items() for backend in each.backends}
        left = [owner for old in gone for b in old.backends if (owner := (old.name, b.id)) not in there]
        for owner in self.backends.change(left, there):
            self.names.pop(owner, None)
        self.names.update((owner, name) for owner, name in there.items() if owner in self.backends.held)
        for old in gone:
            del self._numbered[old.name]
        for name, each in changed.items():
            numbers = [self.backends.held.get((name, backend.id), 0) for backend in each.backends]
            new = msgspec.structs.replace(
                each, series=of_service[name], backends=tuple(map(_numbered, each.backends, numbers))
            )
            self._numbered[name] = (each, new)
        return msgspec.structs.replace(table, services=tuple(self._numbered[s.name][1] for s in table.services))

    def _is_known(self, service: ServiceSpec, series: int) -> bool:
        """True if it is as it was numbered the last time."""
        old = self._numbered.get(service.name)
        return old is not None and (old[0] is service or old[0] == service) and old[1].series == series


def _numbered(backend: BackendSpec, series: int) -> BackendSpec:
    return msgspec.structs.replace(backend, series=series)
