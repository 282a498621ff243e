"""From a service's tasks to its backends: state, name, address. Made anew only where something has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from faststicky.discovery import networks
from faststicky.discovery.swarm_shapes import Node, Service, Task
from faststicky.discovery.swarm_tasks import in_order, name_of, reason_of, slot_of, state_of
from faststicky.labels.reading import Reading
from faststicky.labels.traefik import cookie_values
from faststicky.model import Backend, Warning

Own = frozenset[str] | None  # IDs of the proxy's own networks, None when it is in no container


class _Made(NamedTuple):
    """Backends, and all that they were made of."""

    reading: Reading
    own: Own
    tasks: Sequence[Task]
    nodes: Sequence[Node | None]  # of each task
    template: int | None  # what the update under way makes of them
    result: tuple[tuple[Backend, ...], tuple[Warning, ...]]


class Backends:
    """The backends of each service, by the service's ID."""

    def __init__(self) -> None:
        self._kept: dict[str, _Made] = {}
        self._used: dict[str, _Made] = {}

    def of(
        self, service: Service, reading: Reading, tasks: Sequence[Task], nodes: Mapping[str, Node], own: Own
    ) -> tuple[tuple[Backend, ...], tuple[Warning, ...]]:
        """The service's backends by slot, oldest first, and one warning for each kind of network trouble."""
        places = [nodes.get(task.node_id) for task in tasks]
        template = service.spec.template if service.is_updated else None
        made = self._kept.get(service.id)
        if made is None or made[:-1] != (reading, own, tasks, places, template):
            backends, warnings = _make(service.spec.name, reading, tasks, nodes, own)
            if template is not None:
                backends = _told_apart(backends, {task.id for task in tasks if task.template == template})
            made = _Made(reading, own, tasks, places, template, (backends, warnings))
        self._used[service.id] = made
        return made.result

    def trim(self) -> None:
        """Forget the services that were not asked for since the last call."""
        self._kept, self._used = self._used, {}


def _make(
    service: str, reading: Reading, tasks: Sequence[Task], nodes: Mapping[str, Node], own: Own
) -> tuple[tuple[Backend, ...], tuple[Warning, ...]]:
    backends: list[Backend] = []
    problems: dict[str, Warning] = {}
    for task in in_order(tasks):
        node = nodes.get(task.node_id)
        state = state_of(task, node)
        if state is None:
            continue
        choice = networks.choose(task, reading.network, own)
        if choice.problem and state == "up":  # of an old task the label may be out of date
            text = networks.explain(choice.problem, service, reading.network, choice.networks)
            problems[choice.problem] = Warning(
                service=service, label=reading.network_label, value=reading.network, text=text
            )
        if not choice.host:
            continue
        backends.append(
            Backend(
                id=task.id,
                name=name_of(task, service, node),
                host=choice.host,
                port=reading.port,
                weight=reading.weight,
                state=state,
                slot=slot_of(task),
                node=task.node_id,
                drain=reading.drain,
                reason=reason_of(task, node),
                foreign=cookie_values(reading.foreign_cookies, choice.host, reading.port),
            )
        )
    return tuple(backends), tuple(problems.values())


def _told_apart(backends: tuple[Backend, ...], current: Set[str]) -> tuple[Backend, ...]:
    """With those outdated that the update has not done yet, once it has done some. current: IDs of these.

    Swarm finds the tasks that it has to replace in the same way, by comparing what they were made from. Should an engine
    show it differently in tasks and services, none is current and nothing is preferred.
    """
    if not any(backend.id in current and backend.state == "up" for backend in backends):
        return backends
    return tuple(b if b.id in current else msgspec.structs.replace(b, outdated=True) for b in backends)
