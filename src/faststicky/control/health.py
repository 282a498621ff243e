"""Which backends are well, as active health checks have it: between what is discovered and what is sealed.

Nothing is asked from here: whoever asks (serve/health_checks.py) gets the targets and tells the results. What is known
of a backend is kept for as long as it is listed, whatever else changes in the table.

    first seen                                       until the first answer
    when the proxy starts, or when a check is        up; the first answer decides
    added to a service that is being served
    later: a new task                                down; the first success makes it up

So a restart of the proxy costs no request while it asks, and a new task gets none before it is ready. After that it
takes `fall` failures in a row to go down and `rise` successes to come back. A backend that its source is taking away
(draining, leaving) is never raised, and down only if it had been answering. What happens when all are down is the
relay's to decide.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from faststicky.model import Backend, HealthCheck, Service, Snapshot

log = logging.getLogger("faststicky.control")

Key = tuple[str, str]  # service, backend's ID


class Target(NamedTuple):
    """What is to be asked. host: IP address or name of the backend."""

    key: Key
    name: str
    host: str
    port: int
    check: HealthCheck


class _Record:
    """What is known of one target."""

    def __init__(self, up: bool) -> None:
        self.up = up
        self.settled = False  # an answer has decided
        self.against = 0  # answers in a row that contradict `up`
        self.told = False  # that a newcomer has to wait


class Health:
    """`apply` is the control thread's; `record` may be called from any one other thread."""

    def __init__(
        self,
        on_targets: Callable[[tuple[Target, ...]], None] = lambda _targets: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """on_targets: called in `apply` when there is something else to ask. on_change: when a backend went up or
        down, so that `apply` is due."""
        self._on_targets = on_targets
        self._on_change = on_change
        self._guard = threading.Lock()
        self._records: dict[Key, _Record] = {}
        self._targets: tuple[Target, ...] = ()
        self._listed: frozenset[str] | None = None  # IDs of all backends of the last table; None before the first

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with those down that are not well; the same object if there are none."""
        targets = tuple(_target(s, b, s.health) for s in snapshot.services if s.health for b in s.backends)
        with self._guard:
            self._records = {
                target.key: self._records.get(target.key) or _Record(up=self._is_trusted(target.key[1]))
                for target in targets
            }
            services = tuple(self._judged(service) for service in snapshot.services)
        self._listed = frozenset(backend.id for service in snapshot.services for backend in service.backends)
        if targets != self._targets:
            self._targets = targets
            self._on_targets(targets)
        if all(new is old for new, old in zip(services, snapshot.services, strict=True)):
            return snapshot
        return msgspec.structs.replace(snapshot, services=services)

    def record(self, target: Target, problem: str) -> bool:
        """One answer. problem: what was wrong with it, "" for none. True if a newcomer still waits for its first
        success."""
        well = not problem
        with self._guard:
            record = self._records.get(target.key)
            if record is None:  # it went while it was asked
                return False
            if record.up == well:
                return self._confirmed(record, target, problem)
            record.against += 1
            needed = 1 if not record.settled else target.check.rise if well else target.check.fall
            if record.against < needed:
                return False
            record.up, record.settled, record.against = well, True, 0
        times = f", {needed} of {needed}" if needed > 1 else ""
        said = f"health check GET {target.check.path}"
        if well:
            log.info("%s is up: %s: passed%s", _named(target), said, times)
        else:
            log.warning(
                "%s is down: %s: %s%s; see its log, or the path of its health check",
                _named(target),
                said,
                problem,
                times,
            )
        self._on_change()
        return False

    def _confirmed(self, record: _Record, target: Target, problem: str) -> bool:
        record.against = 0
        if not problem:
            record.settled = True
        if record.settled:
            return False
        if not record.told:
            record.told = True
            said = f"health check GET {target.check.path}: {problem}"
            log.info("%s gets no requests before it is well: %s", _named(target), said)
        return True

    def _is_trusted(self, ident: str) -> bool:
        return self._listed is None or ident in self._listed

    def _judged(self, service: Service) -> Service:
        if service.health is None or not any(self._is_down(service, backend) for backend in service.backends):
            return service
        return msgspec.structs.replace(
            service, backends=tuple(_down(b) if self._is_down(service, b) else b for b in service.backends)
        )

    def _is_down(self, service: Service, backend: Backend) -> bool:
        record = self._records[service.name, backend.id]
        if record.up:
            return False
        return backend.state == "up" or (backend.state == "draining" and record.settled)


def _target(service: Service, backend: Backend, check: HealthCheck) -> Target:
    return Target((service.name, backend.id), backend.name, backend.host, check.port or backend.port, check)


def _down(backend: Backend) -> Backend:
    return msgspec.structs.replace(backend, state="down")


def _named(target: Target) -> str:
    return f"backend {target.name} of service {target.key[0]}"


def revived(snapshot: Snapshot) -> Snapshot:
    """A saved snapshot as it was discovered: nobody is down, since only checks say so and theirs begin anew."""
    services = tuple(
        msgspec.structs.replace(service, backends=tuple(_up(b) if b.state == "down" else b for b in service.backends))
        for service in snapshot.services
    )
    return msgspec.structs.replace(snapshot, services=services)


def _up(backend: Backend) -> Backend:
    return msgspec.structs.replace(backend, state="up")
