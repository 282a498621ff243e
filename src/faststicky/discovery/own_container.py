"""Which networks the proxy itself is on.

A container's ID is its host name unless somebody set another one, and stands in /proc/self/cgroup (cgroup v1) and in
/proc/self/mountinfo (the engine's files under .../containers/ID/ are mounted as /etc/hosts and so on). A proxy that is
a Swarm task finds its networks in the list of tasks, at no call; one that was started by `docker run` asks the local
engine once.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from faststicky.discovery.swarm_shapes import Container, Task

SERVICE_LABEL = "com.docker.swarm.service.name"
ASK_AGAIN = 10.0  # seconds between two inspections while no network is shared

# Only what is mounted as these files: an engine's host has mounts of its containers' directories too.
_MOUNTED = re.compile(r"/containers/([0-9a-f]{64})/\S+ /etc/(?:hostname|hosts|resolv\.conf) ")
_CGROUP = re.compile(r"(?:/docker[/-]|/)([0-9a-f]{64})")
_HOSTNAME = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")


def container_ids(proc: Path = Path("/proc/self"), hostname: str | None = None) -> list[str]:
    """IDs (or their first twelve digits) that may be this process's container, the surest first."""
    found: list[str] = []
    for file in ("mountinfo", "cgroup"):
        try:
            text = (proc / file).read_text(errors="replace")
        except OSError:
            continue
        found += (_MOUNTED if file == "mountinfo" else _CGROUP).findall(text)
    name = socket.gethostname() if hostname is None else hostname
    if _HOSTNAME.fullmatch(name) and not any(one.startswith(name) for one in found):
        found.append(name)
    return list(dict.fromkeys(found))


def own_service(ids: Iterable[str], inspect: Callable[[str], Container | None]) -> str:
    """Name of the Swarm service that this process is a task of; "" if it is in none, or the engine does not say.

    ids: from `container_ids`. inspect: asks the local engine, which on a worker too knows its containers' labels.
    """
    for one in ids:
        container = inspect(one)
        if container is not None:
            return (container.config.labels or {}).get(SERVICE_LABEL, "")
    return ""


class OwnNetworks:
    """The proxy's networks, cached."""

    def __init__(self, ids: Iterable[str], inspect: Callable[[str], Container | None]) -> None:
        """ids: from `container_ids`. inspect: asks the local engine."""
        self._ids = tuple(ids)
        self._inspect = inspect
        self._inspected: frozenset[str] | None = None
        self._asked_at: float | None = None

    def find(self, tasks: Iterable[Task]) -> frozenset[str] | None:
        """IDs of the networks; None when this process is in no container that Docker knows."""
        if not self._ids:
            return None
        for task in tasks:
            status = task.status.container_status
            if status and status.container_id and status.container_id.startswith(self._ids):
                return frozenset(a.network.id for a in task.networks_attachments or ())
        if self._asked_at is None:
            self._ask()
        return self._inspected

    def not_shared(self) -> None:
        """A task shares no network with the proxy: `docker network connect` may change that, so ask again soon."""
        if self._asked_at is not None and time.monotonic() - self._asked_at > ASK_AGAIN:
            self._asked_at = None

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        for one in self._ids:
            container = self._inspect(one)
            if container is not None:
                networks = container.network_settings.networks or {}
                self._inspected = frozenset(e.network_id for e in networks.values() if e.network_id)
                return
        self._inspected = None
