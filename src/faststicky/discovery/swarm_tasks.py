"""Which of a Swarm's tasks answer requests, and what they are called.

    desired state        status     node              counts as
    running              running    ready             up
    running              running    drained or down   draining: Swarm is about to replace it
    shutdown, remove     running    any               draining: the stop signal comes 2 s after the change
    anything else                                     not at all

A task reaches the status `running` only after its first health check has passed, and leaves it when it is unhealthy,
so that container health is included. A node that is `down` has missed its heartbeats: its tasks may still answer (their
users are kept as long as they do), but get nobody new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from faststicky.discovery.swarm_api import SwarmApi
from faststicky.discovery.swarm_shapes import Node, Task
from faststicky.model import BackendState

_FEW = 200  # tasks asked for by ID in one call: 200 IDs are 7 kB of URL


def state_of(task: Task, node: Node | None) -> BackendState | None:
    """What the task is to the balancer; None when it does not count."""
    if task.status.state != "running":
        return None
    if task.desired_state == "running":
        leaving = node is not None and (node.spec.availability == "drain" or node.status.state == "down")
        return "draining" if leaving else "up"
    return "draining" if task.desired_state in ("shutdown", "remove") else None


def name_of(task: Task, service: str, node: Node | None) -> str:
    """For people: web.3@node2; of a global service web@node2."""
    place = node.description.hostname if node and node.description and node.description.hostname else task.node_id[:12]
    return f"{service}.{task.slot}@{place}" if task.slot else f"{service}@{place}"


def slot_of(task: Task) -> str:
    """What survives the task's replacement: SERVICE-ID/SLOT, of a global service SERVICE-ID/NODE-ID."""
    return f"{task.service_id}/{task.slot or task.node_id}"


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """By slot, within a slot the oldest first (a slot has two tasks while it is updated)."""
    return sorted(tasks, key=lambda task: (task.slot, task.node_id if not task.slot else "", created(task), task.id))


def created(task: Task) -> str:
    """Creation time that compares as text: without the "Z", which would sort after further digits."""
    return task.created_at.rstrip("Z")


class RunningTasks:
    """Lists the tasks that run, at the price of what changes and not of a cluster's history.

    The engine cannot filter by status, and ended tasks (five of each slot are kept by default) have the desired state
    `shutdown` just as those do that are being stopped. So the regular call asks for the desired state `running` alone;
    tasks that were running and are no longer in that answer are asked for by ID, all in one call, until they ended.
    The full list is asked for only where there is nothing to compare with: at the start, after a failure and when very
    many go at once.
    """

    def __init__(self, api: SwarmApi) -> None:
        self._api = api
        self._known: frozenset[str] | None = None

    def list(self) -> list[Task]:
        """All tasks whose status is `running`. Raises DiscoveryError."""
        known, self._known = self._known, None
        tasks = self._api.tasks(("running",)) if known is not None else []
        gone = (known or frozenset()).difference(task.id for task in tasks)
        if known is None or len(gone) > _FEW:
            tasks = self._api.tasks(("running", "shutdown", "remove"))
        elif gone:
            tasks += self._api.tasks_by_id(sorted(gone))
        running = {task.id: task for task in tasks if task.status.state == "running"}
        self._known = frozenset(running)
        return [*running.values()]

    def forget(self) -> None:
        """Begin anew with the full list."""
        self._known = None


def by_service(tasks: Iterable[Task]) -> Mapping[str, list[Task]]:
    """Tasks of each service ID."""
    result: dict[str, list[Task]] = {}
    for task in tasks:
        result.setdefault(task.service_id, []).append(task)
    return result
