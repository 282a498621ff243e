"""Backends from Docker Swarm: the services' labels and the tasks that run.

A full sync is three list calls (services, nodes, tasks), one more while tasks are being stopped; never a call per task
or service. Networks need no call of their own: each task carries those that it is attached to. The calls are not one
transaction: a task whose service is not in the list yet waits for the next sync.

A large Swarm's tasks are megabytes of JSON, mostly the engine's work to write. So where a full sync is costly, those
between two of them ask for the services alone: with each goes the number of its tasks that run and that are meant to,
which changes with every task that comes or goes. Events, updates under way and tasks that are being stopped call for
full ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from faststicky.discovery import own_container
from faststicky.discovery.events import EventHints
from faststicky.discovery.pool import Found, assemble
from faststicky.discovery.swarm_api import SwarmApi
from faststicky.discovery.swarm_backends import Backends
from faststicky.discovery.swarm_readings import Readings
from faststicky.discovery.swarm_shapes import Node, Service, Task
from faststicky.discovery.swarm_tasks import RunningTasks, by_service, is_down
from faststicky.errors import DiscoveryError
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Snapshot, Warning

_STOPPING_IS_NEWS = 10.0  # seconds
_EVENT_IS_NEWS = 3.0  # seconds after an event of a service or node: Swarm needs a moment to act on it
_SHARE = 0.05  # of the time, that full syncs may take at rest
_BUSY_SHARE = 0.5  # and while something moves


class _Seen(NamedTuple):
    """What a snapshot is made of."""

    services: Sequence[Service]
    nodes: Sequence[Node] | None
    tasks: Sequence[Task]
    own: frozenset[str] | None  # IDs of the proxy's own networks, None when it is in no container

    def same_as(self, other: _Seen | None) -> bool:
        """Lists that have not changed are the same objects (swarm_api.py): nothing large is compared."""
        return (
            other is not None
            and self.services is other.services
            and self.nodes is other.nodes
            and self.tasks is other.tasks
            and self.own == other.own
        )


class SwarmSource:
    """The Swarm that an engine is a manager of."""

    def __init__(
        self,
        endpoint: str,
        *,
        interval: float = 1.0,
        busy_interval: float = 0.25,
        timeout: int = 5,
        defaults: LabelDefaults | None = None,
        own_ids: Sequence[str] | None = None,
    ) -> None:
        """endpoint: unix:///var/run/docker.sock, tcp://HOST:PORT.

        interval: seconds between two syncs; busy_interval: the same while a service is updated, a task is stopped or an
        event has told of a change, since Swarm sends the stop signal 2 to 3 s after the change that shows it. timeout:
        of one call, seconds. own_ids: IDs of the proxy's own container, found when not given.
        """
        self.name = f"swarm {endpoint}"
        self._endpoint = endpoint
        self._interval = interval
        self._busy_interval = busy_interval
        self._timeout = timeout
        self._api = SwarmApi(endpoint, timeout)
        self._tasks = RunningTasks(self._api)
        self._readings = Readings(defaults or LabelDefaults())
        self._own = own_container.OwnNetworks(
            own_container.container_ids() if own_ids is None else own_ids, self._api.container
        )
        self._backends = Backends()
        self._cluster_id: str | None = None
        self._updating = False
        self._unshared = False  # a task has no network in common with the proxy
        self._stopping: frozenset[str] = frozenset()  # IDs of draining tasks
        self._stopping_since = -math.inf
        self._hints: EventHints | None = None
        self._hinted = False  # by any event since the last full sync began
        self._change_hinted_at = -math.inf  # by an event of a service or node
        self._routed: dict[str, Service] = {}  # by ID, also those that are gone but whose tasks still end
        self._seen: _Seen | None = None  # what the last snapshot was made of
        self._snapshot: Snapshot | None = None
        self._full_at = -math.inf
        self._cost = 0.0  # seconds that the last full sync took

    @property
    def node_id(self) -> str:
        """ID of the engine's node, as far as it said."""
        return self._api.node_id

    @property
    def interval(self) -> float:
        """Seconds until the next sync."""
        if self._is_busy(time.monotonic()):
            return max(self._busy_interval, self._cost * (1 / _BUSY_SHARE - 1))
        return self._interval

    def discover(self) -> Snapshot:
        """One sync; the same object as the last time if nothing has changed.

        Raises DiscoveryError if any part of it failed; the next one then begins with everything anew.
        """
        try:
            return self._discover()
        except DiscoveryError:
            self._cluster_id = None
            self._snapshot = None
            self._tasks.forget()
            self._api.close()
            raise

    def watch(self, wake: Callable[[], None]) -> None:
        """Follow the engine's events."""

        def hint(kind: str) -> None:
            if kind in ("service", "node"):
                self._change_hinted_at = time.monotonic()
            self._hinted = True
            wake()

        self._hints = EventHints(self._endpoint, hint, self._timeout)
        self._hints.start()

    def close(self) -> None:
        """End the events' thread and close the connection."""
        if self._hints is not None:
            self._hints.stop()
        self._api.close()

    def _discover(self) -> Snapshot:
        began = time.monotonic()
        must = self._must_be_full(began)
        if self._cluster_id is None:
            self._cluster_id = self._api.cluster_id()
        services = self._api.services()
        if not must and self._snapshot is not None and self._seen is not None and self._seen.services is services:
            return self._snapshot
        self._hinted = False
        nodes = self._api.nodes()
        down = frozenset(node.id for node in nodes or () if is_down(node))
        tasks = self._tasks.list(down)
        if self._unshared:
            self._own.not_shared()
        own = self._own.find(tasks)
        seen = _Seen(services, nodes, tasks, own)
        if self._snapshot is None or not seen.same_as(self._seen):
            self._snapshot = self._assembled(seen)
            self._seen = seen
        self._full_at = time.monotonic()
        self._cost = self._full_at - began
        return self._snapshot

    def _must_be_full(self, now: float) -> bool:
        """False if the services alone tell whether there is anything new."""
        if self._hinted or self._is_busy(now) or self._snapshot is None or not self._api.counts_tasks:
            return True
        return now - self._full_at >= self._cost / _SHARE

    def _is_busy(self, now: float) -> bool:
        """True while something moves. Tasks that are being stopped count for a while only: a grace period may be
        long."""
        return (
            self._updating
            or now - self._change_hinted_at < _EVENT_IS_NEWS
            or (bool(self._stopping) and now - self._stopping_since < _STOPPING_IS_NEWS)
        )

    def _assembled(self, seen: _Seen) -> Snapshot:
        warnings: list[Warning] = []
        by_id = {node.id: node for node in seen.nodes or ()}
        if seen.nodes is None:
            warnings.append(_of_endpoint("nodes", "may not be listed: drained nodes are not seen; allow GET /nodes"))
        if not self._cluster_id:
            text = "the cluster's ID may not be read; allow GET /info, or give every proxy the secret faststicky_key"
            warnings.append(_of_endpoint("info", text))
        found: list[Found] = []
        of_service = by_service(seen.tasks)
        listed = {service.id: service for service in seen.services}
        ending = {ident: old for ident, old in self._routed.items() if ident not in listed and ident in of_service}
        self._routed = {}
        self._updating = self._unshared = False
        self._readings.know(seen.services)
        for service in sorted((*listed.values(), *ending.values()), key=lambda s: (s.spec.name, s.id)):
            removed = service.id in ending
            reading, said = self._readings.of(service)
            if reading is None:
                warnings += said
                continue
            backends, problems = self._backends.of(service, reading, of_service.get(service.id, ()), by_id, seen.own)
            if removed and not backends:
                continue
            self._routed[service.id] = service
            found.append(Found(service.spec.name, reading, backends, removed))
            self._unshared = self._unshared or bool(problems)
            if not removed:
                warnings += (*said, *problems)
                self._updating = self._updating or service.is_updated
        self._readings.trim()
        self._backends.trim()
        self._note_stopping(found)
        pools, routes, contradictions = assemble(found)
        return Snapshot(
            services=pools,
            routes=routes,
            source=self.name,
            cluster_id=self._cluster_id or "",
            local_node=self._api.node_id,
            warnings=(*warnings, *contradictions),
        )

    def _note_stopping(self, found: Sequence[Found]) -> None:
        stopping = frozenset(b.id for one in found for b in one.backends if b.state == "draining")
        if stopping - self._stopping:
            self._stopping_since = time.monotonic()
        self._stopping = stopping


def _of_endpoint(call: str, text: str) -> Warning:
    return Warning(service="", label=f"/{call}", value="", text=text)
