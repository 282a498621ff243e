"""Which of a Swarm's tasks answer requests, and what they are called.

    desired state        status     node         counts as
    running              running    ready        up
    running              running    drained      draining: Swarm is about to replace it
    running              running    down         leaving: it has missed its heartbeats, nobody shall wait for it
    shutdown, remove     running    not down     draining: the stop signal comes some 3 s after the change
    shutdown, remove     running    down         not at all: it has been replaced, and cannot say that it ended
    anything else                                not at all

A task reaches the status `running` only after its first health check has passed, and leaves it when it is unhealthy,
so that container health is included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from faststicky.discovery.swarm_api import SwarmApi
from faststicky.discovery.swarm_shapes import Node, Task
from faststicky.model import BackendState, LeavingReason

_FEW = 200  # tasks asked for by ID in one call: 200 IDs are 7 kB of URL
_STOPPING = ("shutdown", "remove")


def state_of(task: Task, node: Node | None) -> BackendState | None:
    """What the task is to the balancer; None when it does not count."""
    if task.status.state != "running":
        return None
    down = node is not None and is_down(node)
    if task.desired_state == "running":
        if down:
            return "leaving"
        return "draining" if node is not None and node.spec.availability == "drain" else "up"
    return "draining" if task.desired_state in _STOPPING and not down else None


def reason_of(task: Task, node: Node | None) -> LeavingReason:
    """Why it is not up, for people."""
    if node is not None and is_down(node):
        return "node-down"
    if node is not None and node.spec.availability == "drain":
        return "node-drained"
    return "" if task.desired_state == "running" else "stopping"


def is_down(node: Node) -> bool:
    """True if the node has missed its heartbeats. While a new leader waits for them its state is `unknown`."""
    return node.status.state == "down"


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
        self._known: Mapping[str, str] | None = None  # ID of a running task: ID of its node
        self._last: tuple[Sequence[Task], Sequence[Task]] | None = None  # an answer, and what was made of it

    def list(self, down: Set[str] = frozenset()) -> Sequence[Task]:
        """All tasks whose status is `running`. The same object as the last time if it has not changed.

        down: IDs of nodes that are down; what was to be stopped there is no longer followed. Raises DiscoveryError.
        """
        known, self._known = self._known, None
        answer: Sequence[Task] = self._api.tasks(("running",)) if known is not None else ()
        listed = {task.id for task in answer}
        gone = [ident for ident, node in (known or {}).items() if ident not in listed and node not in down]
        if known is not None and not gone and self._last is not None and self._last[0] is answer:
            self._known = known
            return self._last[1]
        tasks = answer
        if known is None or len(gone) > _FEW:
            tasks = self._api.tasks(("running", *_STOPPING))
        elif gone:
            tasks = [*answer, *self._api.tasks_by_id(sorted(gone))]
        running = {task.id: task for task in tasks if task.status.state == "running"}
        self._known = {task.id: task.node_id for task in running.values() if _is_followed(task, down)}
        result: Sequence[Task] = (*running.values(),)
        if self._last is not None and result == self._last[1]:
            result = self._last[1]
        self._last = (answer, result)
        return result

    def forget(self) -> None:
        """Begin anew with the full list."""
        self._known = None


def _is_followed(task: Task, down: Set[str]) -> bool:
    return task.desired_state == "running" or task.node_id not in down


def by_service(tasks: Iterable[Task]) -> Mapping[str, Sequence[Task]]:
    """Tasks of each service ID."""
    result: dict[str, list[Task]] = {}
    for task in tasks:
        result.setdefault(task.service_id, []).append(task)
    return result
