"""Backends that an operator drains: no new sessions for them, whatever their source says; kept over restarts.

They keep the users that they have, until those leave by themselves or the source takes the backend away.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import msgspec

from faststicky.control.private_file import write_private
from faststicky.model import Backend, Service, Snapshot

log = logging.getLogger("faststicky.control")

FILE = "drained.json"
KEPT = 7 * 86400.0  # seconds that a backend which no source has any more is remembered


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """name: for people. since: seconds of the epoch."""

    name: str
    since: float


class Overrides:
    """Set from any thread; `apply` is the control thread's."""

    def __init__(self, state_dir: Path | None) -> None:
        """state_dir: None keeps nothing."""
        self._path = state_dir / FILE if state_dir is not None else None
        self._guard = threading.Lock()
        self._drained = self._load()

    @property
    def drained(self) -> dict[str, Drained]:
        """By the backend's ID."""
        with self._guard:
            return dict(self._drained)

    def drain(self, backends: dict[str, str]) -> None:
        """backends: names by ID. Raises OSError when it cannot be kept; it is in force all the same."""
        now = time.time()
        with self._guard:
            for ident, name in backends.items():
                self._drained.setdefault(ident, Drained(name=name, since=now))
            self._drained = {ident: one for ident, one in self._drained.items() if now - one.since < KEPT}
        self._save()

    def undo(self, backends: dict[str, str]) -> None:
        """They take new sessions again as soon as their source says so. Raises OSError as `drain` does."""
        with self._guard:
            for ident in backends:
                self._drained.pop(ident, None)
        self._save()

    def apply(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with those backends draining; the same object if there are none."""
        drained = self.drained
        if not drained:
            return snapshot
        services = tuple(_with(service, drained) for service in snapshot.services)
        if all(new is old for new, old in zip(services, snapshot.services, strict=True)):
            return snapshot
        return msgspec.structs.replace(snapshot, services=services)

    def _load(self) -> dict[str, Drained]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Drained]) if self._path else {}
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s is not readable (%s): no backend is drained; drain them again", self._path, error)
            return {}

    def _save(self) -> None:
        if self._path is not None:
            write_private(self._path, msgspec.json.encode(self.drained))


def _with(service: Service, drained: dict[str, Drained]) -> Service:
    if not any(backend.id in drained and backend.state == "up" for backend in service.backends):
        return service
    return msgspec.structs.replace(
        service, backends=tuple(_drained(b) if b.id in drained and b.state == "up" else b for b in service.backends)
    )


def _drained(backend: Backend) -> Backend:
    return msgspec.structs.replace(backend, state="draining", drain="stay", reason="operator")
