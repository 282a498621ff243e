"""A table on its way to the workers: in pieces, each of them short, and only of what a worker does not have yet.

Services are compared with those of the table that the worker has in force; of a service that changed, each backend with the
values that lead to it. So one task that changed costs a worker one backend, however many there are. The pieces for one base are
encoded once, for all workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from faststicky.model import Outcome, ServiceSpec, TableSpec
from faststicky.serve.channel import (
    BackendsPiece,
    BeginTable,
    EndTable,
    Line,
    NamesPiece,
    NoTable,
    RoutesPiece,
    Segment,
    ServicePiece,
    ToWorker,
    encode,
)

LINES = 64  # backends in one message: a worker decodes it in some tens of microseconds
ROUTES = 32
NAMES = 512

Item = TypeVar("Item")


class Publication:
    """One table, or the word that there is none yet. Never changes."""

    def __init__(self, table: TableSpec | None) -> None:
        self.table = table
        self._frames: tuple[Publication | None, list[bytes]] | None = None

    @property
    def generation(self) -> int:
        """0: there is no table."""
        return self.table.generation if self.table is not None else 0

    def frames(self, base: Publication | None) -> list[bytes]:
        """Encoded messages for a worker that has `base` in force (None: it has nothing, or nobody knows what)."""
        if self._frames is None or self._frames[0] is not base:
            before = base.table if base is not None else None
            self._frames = (base, [encode(message) for message in messages(before, self.table)])
        return self._frames[1]

    def forget(self) -> None:
        """A newer one is there: what was encoded for others is of no use any more."""
        self._frames = None


def messages(before: TableSpec | None, table: TableSpec | None) -> Iterator[ToWorker]:
    """What makes `table` of `before`."""
    if table is None:
        yield NoTable()
        return
    yield BeginTable(generation=table.generation, base=before.generation if before is not None else None)
    had = {service.name: service for service in before.services} if before is not None else {}
    for service in table.services:
        old = had.get(service.name)
        if old is not service and old != service:
            yield from _service(old, service)
    names = tuple(had), tuple(service.name for service in table.services)
    if before is None or names[0] != names[1] or before.routes != table.routes:
        for some in _some(names[1], NAMES):
            yield NamesPiece(names=some)
        for few in _some(table.routes, ROUTES):
            yield RoutesPiece(routes=few)
    yield EndTable()


def _service(old: ServiceSpec | None, new: ServiceSpec) -> Iterator[ToWorker]:
    lines = lines_of(new)
    yield ServicePiece(
        service=msgspec.structs.replace(new, backends=(), lookup=()),
        backends=len(lines),
        values=sum(len(line.values) for line in lines),
    )
    pieces: list[Segment] = []
    fresh = 0
    for first, count, added in _segments(lines_of(old) if old is not None else [], lines):
        for at in range(0, max(1, len(added)), LINES):
            some = added[at : at + LINES]
            if pieces and (fresh + len(some) > LINES or len(pieces) == LINES):
                yield BackendsPiece(segments=pieces)
                pieces, fresh = [], 0
            pieces.append((0, 0, some) if at else (first, count, some))
            fresh += len(some)
    if pieces:
        yield BackendsPiece(segments=pieces)


def lines_of(service: ServiceSpec) -> list[Line]:
    """Each backend with the values that lead to it; of equal values the first counts, in the order of the lookup."""
    values: list[list[tuple[str, Outcome]]] = [[] for _ in service.backends]
    seen: set[str] = set()
    for value, at, outcome in service.lookup:
        if value not in seen:
            seen.add(value)
            values[at].append((value, outcome))
    return [Line(backend, tuple(own)) for backend, own in zip(service.backends, values, strict=True)]


def _segments(old: Sequence[Line], new: Sequence[Line]) -> Iterator[Segment]:
    """`new` as runs of `old`, each followed by lines that `old` does not have."""
    at_of = {line.backend.id: at for at, line in enumerate(old)}
    first, count = 0, 0
    added: list[Line] = []
    for line in new:
        at = at_of.pop(line.backend.id, None)
        if at is None or old[at] != line:
            added.append(line)
        elif added or at != first + count or count == 0:
            if added or count:
                yield first, count, added
            first, count, added = at, 1, []
        else:
            count += 1
    if added or count:
        yield first, count, added


def _some(items: tuple[Item, ...], size: int) -> Iterator[tuple[Item, ...]]:
    """At least one piece, so that none at all can be told, too."""
    for at in range(0, max(1, len(items)), size):
        yield items[at : at + size]
