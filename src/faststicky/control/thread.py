"""The control thread: discover, compare, seal, save, publish; again and again, whatever happens.

The last good table stays in force until a complete newer one exists: no error ends the thread, none takes a table back.
A snapshot without any backend, after one that had some, is believed when the next one says the same.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from faststicky.control import keyring
from faststicky.control.departure import Departures
from faststicky.control.health import Health, revived
from faststicky.control.journal import Journal
from faststicky.control.overrides import Overrides
from faststicky.control.seal import Seals, seal
from faststicky.control.state import Saved, StateFile
from faststicky.discovery.source import Source
from faststicky.model import Snapshot, TableSpec

log = logging.getLogger("faststicky.control")

# Seconds after a failure, doubled with each one in a row. The bound is how late the first change after an outage is seen.
FIRST_PAUSE, LAST_PAUSE = 0.25, 2.0
DEBOUNCE = 0.2  # seconds that hints are gathered: one `docker service update` gives several events


class ControlStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands. Age: seconds since the source last confirmed the table, None if it never did in this process."""

    source: str
    generation: int  # of the table last published, 0 for none
    age: float | None
    error: str  # of the last sync, "" if it was good
    failures: int  # in a row
    from_disk: bool  # the table in force is the saved one
    snapshot: Snapshot | None  # in force


class ControlThread:
    """One source and one receiver of tables."""

    def __init__(
        self,
        source: Source,
        publish: Callable[[TableSpec], None],
        *,
        state_dir: Path | None = None,
        health: Health | None = None,
        on_snapshot: Callable[[Snapshot], None] = lambda _snapshot: None,
        overrides: Overrides | None = None,
        load_keyring: Callable[[str, Path | None], keyring.Keyring] = keyring.load,
    ) -> None:
        """publish: called from this thread with each new table; if it raises, the table is sent with the next sync.

        on_snapshot: called with what each table was made of.
        load_keyring: called with the cluster's ID and the state directory, first and whenever that ID changes.
        """
        self._source = source
        self._publish = publish
        self._on_snapshot = on_snapshot
        self._state_dir = state_dir
        self._state = StateFile(state_dir)
        self._load_keyring = load_keyring
        self._keyring: tuple[str, keyring.Keyring] | None = None
        self._seals = Seals()
        self._journal = Journal()
        self._departures = Departures()
        self._overrides = overrides if overrides is not None else Overrides(None)
        self._health = health if health is not None else Health()
        self._discovered: Snapshot | None = None  # what the source last said, before anybody leaves
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._lock = threading.Lock()  # guards what `status` reads
        self._snapshot: Snapshot | None = None
        self._generation = 0
        self._confirmed_at: float | None = None
        self._error = ""
        self._from_disk = False
        self._empty_seen = False
        self._disk_read = False
        self._saved: Saved | None = None

    def start(self) -> None:
        """Begin; the first table follows as soon as the source (or else the saved state) gives one."""
        self._thread.start()

    def wake(self) -> None:
        """Something may have changed: sync now. From any thread."""
        self._wake.set()

    def stop(self, timeout: float = 10.0) -> bool:
        """End after the sync under way; True if the thread has ended within `timeout` seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def status(self) -> ControlStatus:
        """How it stands now. From any thread."""
        with self._lock:
            return ControlStatus(
                source=self._source.name,
                generation=self._generation,
                age=None if self._confirmed_at is None else time.monotonic() - self._confirmed_at,
                error=self._error,
                failures=self._journal.failures,
                from_disk=self._from_disk,
                snapshot=self._snapshot,
            )

    def _run(self) -> None:
        try:
            self._source.watch(self.wake)
            while not self._stopping.is_set():
                self._wake.clear()  # before the look, so that a hint during it is not lost
                self._pause(self._source.interval if self._sync() else self._back_off())
        finally:
            self._source.close()

    def _pause(self, seconds: float) -> None:
        """Until the time is up, users have to leave a backend or, after a short while for more of them, a hint comes.
        Failures are not hurried by hints."""
        if self._departures.wait is not None:
            seconds = min(seconds, self._departures.wait)
        if self._journal.failures:
            self._stopping.wait(seconds)
        elif self._wake.wait(seconds):
            self._stopping.wait(DEBOUNCE)

    def _back_off(self) -> float:
        doubled = FIRST_PAUSE * 2.0 ** min(self._journal.failures - 1, 10)
        return min(doubled, LAST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311  # so that replicas do not come in step

    def _sync(self) -> bool:
        """One turn. False if it failed."""
        try:
            discovered = self._source.discover()
            if self._doubted(discovered):
                return True
            self._journal.warned(discovered.warnings)
            snapshot = self._departures.apply(self._overrides.apply(self._health.apply(discovered)))
            if not snapshot.same_as(self._snapshot):
                self._put_in_force(snapshot)
            self._discovered = discovered
        except Exception as error:  # a bug in a source must not end the thread: the table would never change again
            self._journal.failed(error)
            with self._lock:
                self._error = str(error) or type(error).__name__
            if self._snapshot is None:
                self._fall_back()
            else:
                self._depart()
            return False
        self._journal.worked()
        with self._lock:
            self._snapshot = snapshot  # also when it serves alike: its warnings may differ
            self._confirmed_at = time.monotonic()
            self._from_disk = False
            self._error = ""
        return True

    def _doubted(self, snapshot: Snapshot) -> bool:
        """True for a first snapshot without backends after one with some."""
        had = self._snapshot is not None and any(service.backends for service in self._snapshot.services)
        empty = had and not any(service.backends for service in snapshot.services)
        doubted = empty and not self._empty_seen
        self._empty_seen = empty
        if doubted:
            log.debug("no backend at all where there were some: waiting for a second answer that says so")
        return doubted

    def _depart(self) -> None:
        """The source failed, but tasks that it told of are being stopped all the same: their users leave in time."""
        if self._discovered is None:
            return
        try:
            snapshot = self._departures.apply(self._overrides.apply(self._health.apply(self._discovered)))
            if not snapshot.same_as(self._snapshot):
                self._put_in_force(snapshot)
        except Exception as error:
            self._journal.failed(error)

    def _put_in_force(self, snapshot: Snapshot) -> None:
        self._send(snapshot)
        self._state.save(snapshot)

    def _send(self, snapshot: Snapshot) -> None:
        if self._keyring is None or self._keyring[0] != snapshot.cluster_id:
            self._keyring = (snapshot.cluster_id, self._load_keyring(snapshot.cluster_id, self._state_dir))
        table = seal(snapshot, self._keyring[1], self._generation + 1, self._seals)
        self._publish(table)
        with self._lock:  # before anything that takes time: whoever got the table will ask what it was made of
            self._snapshot = snapshot
            self._generation = table.generation
        self._on_snapshot(snapshot)
        self._journal.published(snapshot, table.generation)

    def _fall_back(self) -> None:
        """The source failed before it ever answered: serve what was saved, if anything was."""
        if not self._disk_read:
            self._disk_read, self._saved = True, self._state.load(self._source.name)
        saved = self._saved
        if saved is None:
            return
        discovered = revived(saved.snapshot)
        try:
            snapshot = self._health.apply(discovered)
            self._send(snapshot)
        except Exception as error:
            self._journal.failed(error)
            return
        age = max(0.0, time.time() - saved.saved_at)
        log.warning(
            "the saved table (last changed %.0f s ago) is in force; why the source does not answer is told beside it",
            age,
        )
        with self._lock:
            self._from_disk = True
        self._discovered = discovered
