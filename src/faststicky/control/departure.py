"""When the users of a task that is being stopped leave it: shortly before its stop signal.

Swarm first changes the task's desired state; the task's node then takes it out of the overlay's names, waits two
seconds (moby: defaultGossipConvergeDelay) and only then sends the stop signal. From the moment at which the API shows
the change to the signal, Docker 20.10 takes 3.10 to 3.19 s, whether a service is updated (either order), scaled down or
removed, or a node is drained. When the change is seen, the task is *draining*: it keeps its users, so that what a user
has begun there (a page and its parts, a form and the redirect that follows) can end there. PATIENCE later it is
*leaving*: every user goes elsewhere with the next request, while requests in flight finish; the time that is left is
theirs.

Two kinds stay draining until they are gone: those whose service says so (drain=stay), and those of a service that has
no other backend to move to: better served to the last moment than not at all. Of a service that was removed nothing
else will ever come, so it is left like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from faststicky.model import Backend, Service, Snapshot

PATIENCE = 1.2
"""Seconds from draining to leaving. At rest the change is seen up to 1 s late (0.25 s while anything moves), so that
users leave 1.2 to 2.3 s after it: before the signal even where a node sent it after the bare 2 s, but for the last
moments of a change that no event told of; and at least 0.8 s before the 3.1 s that were measured."""


class Departures:
    """Remembers since when each backend is draining that is to be left. The clock of the wall has no part in it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}
        self.wait: float | None = None
        """Seconds, counted from the last `apply`, until the next backend is to be left; None when none is."""

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with all those leaving whose time has come; the same object if there are none."""
        now = self._clock()
        since: dict[str, float] = {}
        waits: list[float] = []
        services = tuple(self._of_service(service, now, since, waits) for service in snapshot.services)
        self._since = since
        self.wait = min(waits, default=None)
        if all(new is old for new, old in zip(services, snapshot.services, strict=True)):
            return snapshot
        return msgspec.structs.replace(snapshot, services=services)

    def _of_service(self, service: Service, now: float, since: dict[str, float], waits: list[float]) -> Service:
        draining = [backend for backend in service.backends if backend.state == "draining"]
        if not draining:
            return service
        elsewhere = service.removed or any(backend.state == "up" for backend in service.backends)
        leaving: set[str] = set()
        for backend in draining:
            if backend.drain == "stay":
                continue
            since[backend.id] = self._since.get(backend.id, now)
            left = since[backend.id] + PATIENCE - now
            if left <= 0 and elsewhere:
                leaving.add(backend.id)
            elif elsewhere:
                waits.append(left)
        if not leaving:
            return service
        return msgspec.structs.replace(
            service, backends=tuple(_left(b) if b.id in leaving else b for b in service.backends)
        )


def _left(backend: Backend) -> Backend:
    return msgspec.structs.replace(backend, state="leaving")
