"""Backends from Docker Swarm: the services' labels and the tasks that run.

Three list calls a sync (services, tasks, nodes), one more while tasks are being stopped; never a call per task.
Networks need no call of their own: each task carries those that it is attached to. The calls are not one transaction:
a task whose service is not in the list yet waits for the next sync.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from faststicky.discovery import networks, own_container
from faststicky.discovery.events import EventHints
from faststicky.discovery.pool import Found, assemble
from faststicky.discovery.swarm_api import SwarmApi
from faststicky.discovery.swarm_shapes import Node, Service, Task
from faststicky.discovery.swarm_tasks import RunningTasks, by_service, in_order, name_of, slot_of, state_of
from faststicky.errors import DiscoveryError
from faststicky.labels import dialects
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.labels.traefik1 import raw_url
from faststicky.model import Backend, Snapshot, Warning

_STOPPING_IS_NEWS = 10.0  # seconds
_UPDATING = frozenset({"updating", "rollback_started"})


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

        interval: seconds between two syncs; busy_interval: the same while a service is updated or a task is stopped,
        since Swarm sends the stop signal 2 s after the change that shows it. timeout: of one call, seconds. own_ids:
        IDs of the proxy's own container, found when not given.
        """
        self.name = f"swarm {endpoint}"
        self._endpoint = endpoint
        self._interval = interval
        self._busy_interval = busy_interval
        self._timeout = timeout
        self._defaults = defaults or LabelDefaults()
        self._api = SwarmApi(endpoint, timeout)
        self._tasks = RunningTasks(self._api)
        self._own = own_container.OwnNetworks(
            own_container.container_ids() if own_ids is None else own_ids, self._api.container
        )
        self._cluster_id: str | None = None
        self._busy = False
        self._stopping: frozenset[str] = frozenset()  # IDs of draining tasks
        self._stopping_since = -math.inf
        self._hints: EventHints | None = None

    @property
    def interval(self) -> float:
        """Seconds until the next sync."""
        return self._busy_interval if self._busy else self._interval

    def discover(self) -> Snapshot:
        """One sync. Raises DiscoveryError if any part of it failed; the next one then begins with everything anew."""
        try:
            return self._discover()
        except DiscoveryError:
            self._cluster_id = None
            self._tasks.forget()
            self._api.close()
            raise

    def watch(self, wake: Callable[[], None]) -> None:
        """Follow the engine's events."""
        self._hints = EventHints(self._endpoint, wake, self._timeout)
        self._hints.start()

    def close(self) -> None:
        """End the events' thread and close the connection."""
        if self._hints is not None:
            self._hints.stop()
        self._api.close()

    def _discover(self) -> Snapshot:
        warnings: list[Warning] = []
        if self._cluster_id is None:
            self._cluster_id = self._api.cluster_id()
        services = self._api.services()
        tasks = self._tasks.list()
        listed_nodes = self._api.nodes()
        nodes = {node.id: node for node in listed_nodes or ()}
        if listed_nodes is None:
            warnings.append(_of_endpoint("nodes", "may not be listed: drained nodes are not seen; allow GET /nodes"))
        if not self._cluster_id:
            text = "the cluster's ID may not be read; allow GET /info, or give every proxy the secret faststicky_key"
            warnings.append(_of_endpoint("info", text))
        own = self._own.find(tasks)
        found: list[Found] = []
        busy = False
        of_service = by_service(tasks)
        for service in sorted(services, key=lambda s: s.spec.name):
            reading, said = dialects.read(service.spec.name, service.spec.labels or {}, self._defaults)
            warnings += said
            if reading is None:
                continue
            backends, problems = self._backends(service, reading, of_service.get(service.id, []), nodes, own)
            warnings += problems
            found.append(Found(service.spec.name, reading, backends))
            busy = busy or (service.update_status is not None and service.update_status.state in _UPDATING)
        self._busy = self._just_stopping(found) or busy
        pools, routes, contradictions = assemble(found)
        return Snapshot(
            services=pools,
            routes=routes,
            source=self.name,
            cluster_id=self._cluster_id,
            warnings=(*warnings, *contradictions),
        )

    def _backends(
        self, service: Service, reading: Reading, tasks: list[Task], nodes: dict[str, Node], own: frozenset[str] | None
    ) -> tuple[tuple[Backend, ...], list[Warning]]:
        """The service's backends, and one warning for each kind of network trouble."""
        backends: list[Backend] = []
        problems: dict[str, Warning] = {}
        for task in in_order(tasks):
            node = nodes.get(task.node_id)
            state = state_of(task, node)
            if state is None:
                continue
            choice = networks.choose(task, reading.network, own)
            if choice.problem and state == "up":  # of an old task the label may be out of date
                text = networks.explain(choice.problem, service.spec.name, reading.network, choice.networks)
                label = "faststicky.network" if reading.dialect == "native" else "traefik.docker.network"
                problems[choice.problem] = Warning(
                    service=service.spec.name, label=label, value=reading.network, text=text
                )
                self._own.not_shared()
            if not choice.host:
                continue
            backends.append(
                Backend(
                    id=task.id,
                    name=name_of(task, service.spec.name, node),
                    host=choice.host,
                    port=reading.port,
                    weight=reading.weight,
                    state=state,
                    slot=slot_of(task),
                    node=task.node_id,
                    foreign=(raw_url(choice.host, reading.port),) if reading.raw_url_cookies else (),
                )
            )
        return tuple(backends), [*problems.values()]

    def _just_stopping(self, found: Sequence[Found]) -> bool:
        """True for a while after a task began to be stopped; not for all of a long grace period or a node's death."""
        stopping = frozenset(b.id for one in found for b in one.backends if b.state == "draining")
        if stopping - self._stopping:
            self._stopping_since = time.monotonic()
        self._stopping = stopping
        return bool(stopping) and time.monotonic() - self._stopping_since < _STOPPING_IS_NEWS


def _of_endpoint(call: str, text: str) -> Warning:
    return Warning(service="", label=f"/{call}", value="", text=text)
