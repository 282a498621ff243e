"""The services of a running Swarm: what they declare, and the snapshot that a proxy would make of them at this moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

from msgspec import Struct, field

from faststicky.check.declared import Declared
from faststicky.discovery import own_container
from faststicky.discovery.swarm import SwarmSource
from faststicky.discovery.swarm_api import SwarmApi
from faststicky.discovery.swarm_shapes import Task
from faststicky.discovery.swarm_tasks import by_service
from faststicky.errors import ConfigError
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Snapshot


class _Shape(Struct, frozen=True, kw_only=True, rename="pascal"):
    """Parts of the engine's list of services that no proxy needs."""


class _Port(_Shape, frozen=True, kw_only=True):
    protocol: str = "tcp"
    target_port: int = 0
    published_port: int = 0
    publish_mode: str = "ingress"


class _Endpoint(_Shape, frozen=True, kw_only=True):
    ports: tuple[_Port, ...] | None = None


class _Container(_Shape, frozen=True, kw_only=True):
    labels: dict[str, str] | None = None


class _Template(_Shape, frozen=True, kw_only=True):
    container_spec: _Container | None = None


class _Replicated(_Shape, frozen=True, kw_only=True):
    replicas: int | None = None


class _Mode(_Shape, frozen=True, kw_only=True):
    replicated: _Replicated | None = None
    everywhere: Any = field(name="Global", default=None)


class _Spec(_Shape, frozen=True, kw_only=True):
    name: str
    labels: dict[str, str] | None = None
    mode: _Mode = _Mode()
    task_template: _Template = _Template()
    endpoint_spec: _Endpoint | None = None


class _Service(_Shape, frozen=True, kw_only=True):
    id: str = field(name="ID")
    spec: _Spec


class Running(NamedTuple):
    """own: names and IDs of the proxy's networks, None where that is not known."""

    declared: list[Declared]
    snapshot: Snapshot
    own: Set[str] | None


def read(endpoint: str, defaults: LabelDefaults, proxy: str, *, own_ids: Sequence[str] | None = None) -> Running:
    """proxy: name of the proxy's service, "" for that which this process is a task of, if it is one: a container that was
    started only to look has other networks than the proxy.

    own_ids: IDs of this process's container, found when not given. Raises DiscoveryError, ConfigError.
    """
    with contextlib.closing(SwarmApi(endpoint)) as api:
        api.cluster_id()  # says it best if this is no manager
        services = api.services_as(_Service)
        tasks = [task for task in api.tasks(("running",)) if task.status.state == "running"]
        if proxy:
            ids = _containers_of(proxy, services, tasks)
        else:
            begins = tuple(own_container.container_ids() if own_ids is None else own_ids)
            ids = [ident for ident in _containers(tasks) if ident.startswith(begins)]
        own = own_container.OwnNetworks(ids, api.container).find(tasks)
    with contextlib.closing(SwarmSource(endpoint, defaults=defaults, own_ids=ids)) as source:
        snapshot = source.discover()
    networks = {a.network.id: a.network.spec.name for task in tasks for a in task.networks_attachments or ()}
    of_service = by_service(tasks)
    declared = [_declared(service, of_service.get(service.id, ())) for service in services]
    names = None if own is None else own | {networks[ident] for ident in own if ident in networks}
    return Running(sorted(declared, key=lambda one: one.name), snapshot, names)


def _containers_of(proxy: str, services: Sequence[_Service], tasks: Sequence[Task]) -> list[str]:
    found = [service.id for service in services if service.spec.name == proxy]
    if not found:
        raise ConfigError(f"there is no service {proxy}", where="--proxy", remedy="docker service ls names them")
    ids = _containers(task for task in tasks if task.service_id in found)
    if not ids:
        remedy = "start it, or leave --proxy out"
        raise ConfigError(f"service {proxy} has no running task", where="--proxy", remedy=remedy)
    return ids


def _containers(tasks: Iterable[Task]) -> list[str]:
    statuses = [task.status.container_status for task in tasks]
    return [status.container_id for status in statuses if status is not None and status.container_id]


def _declared(service: _Service, tasks: Sequence[Task]) -> Declared:
    spec = service.spec
    container = spec.task_template.container_spec
    replicated = spec.mode.replicated
    ports = spec.endpoint_spec.ports if spec.endpoint_spec else None
    attachments = [attachment.network for task in tasks for attachment in task.networks_attachments or ()]
    networks = dict.fromkeys(name for network in attachments if not network.spec.ingress
                             for name in (network.spec.name, network.id))  # fmt: skip
    return Declared(
        name=spec.name,
        labels=spec.labels or {},
        container_labels=(container.labels if container else None) or {},
        tasks=None if spec.mode.everywhere is not None else (replicated.replicas if replicated else None) or 0,
        networks=tuple(networks),
        ingress_ports=tuple(
            (port.published_port, port.target_port)
            for port in ports or ()
            if port.publish_mode == "ingress" and port.protocol == "tcp"
        ),
    )
