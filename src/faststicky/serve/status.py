"""What the admin server shows: one picture of the whole, made when it is asked for.

The snapshot never leaves whole: `cluster_id` is what cookie keys are derived from, and `foreign` holds cookie values.
"""

from __future__ import annotations

from typing import Any

import msgspec

from faststicky.model import Backend, Route, Service, Snapshot


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One worker. Times are seconds."""

    index: int
    pid: int
    uptime: float
    ready: bool
    generation: int | None
    counters: dict[str, int]
    live: dict[str, int]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The proxy. `age`: seconds since the source last confirmed the table, None if it never did."""

    version: str
    uptime: float
    listen: tuple[str, ...]
    ready: bool
    generation: int
    age: float | None
    error: str  # of the source, "" when its last answer was good
    snapshot: Snapshot | None
    workers: tuple[WorkerStatus, ...]
    restarts: int
    past_counters: dict[str, int]  # of workers that are gone

    def totals(self) -> dict[str, int]:
        """Counters summed over all workers, those that are gone included."""
        return summed([self.past_counters, *(worker.counters for worker in self.workers)])

    def live(self) -> dict[str, int]:
        """What is alive, summed over the workers."""
        return summed([worker.live for worker in self.workers])


def summed(parts: list[dict[str, int]]) -> dict[str, int]:
    """Key by key."""
    total: dict[str, int] = {}
    for part in parts:
        for key, number in part.items():
            total[key] = total.get(key, 0) + number
    return total


def readiness(status: Status) -> dict[str, Any]:
    """The body of /ready."""
    return {
        "ready": status.ready,
        "generation": status.generation,
        "age": _rounded(status.age),
        "error": status.error,
        "workers": [
            {"index": worker.index, "ready": worker.ready, "generation": worker.generation} for worker in status.workers
        ],
    }


def table(status: Status) -> dict[str, Any]:
    """The body of /api/table."""
    snapshot = status.snapshot
    return {
        "version": status.version,
        "listen": list(status.listen),
        "ready": status.ready,
        "generation": status.generation,
        "age": _rounded(status.age),
        "error": status.error,
        "source": snapshot.source if snapshot else "",
        "services": [_service(service) for service in snapshot.services] if snapshot else [],
        "routes": [_route(route) for route in snapshot.routes] if snapshot else [],
        "warnings": [msgspec.to_builtins(warning) for warning in snapshot.warnings] if snapshot else [],
    }


def stats(status: Status) -> dict[str, Any]:
    """The body of /api/stats."""
    return {
        "uptime": _rounded(status.uptime),
        "restarts": status.restarts,
        "total": {"counters": status.totals(), "live": status.live()},
        "workers": [{**msgspec.to_builtins(worker), "uptime": _rounded(worker.uptime)} for worker in status.workers],
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "sticky": service.cookie is not None,
        "cookie": msgspec.to_builtins(service.cookie),  # name and attributes; values are nowhere in a snapshot
        "balance": service.balancing.balance,
        "pass_host_header": service.pass_host_header,
        "backends": [_backend(backend) for backend in service.backends],
    }


def _backend(backend: Backend) -> dict[str, Any]:
    keys = ("id", "name", "host", "port", "weight", "state", "slot", "node")
    return {key: getattr(backend, key) for key in keys}


def _route(route: Route) -> dict[str, Any]:
    keys = ("name", "rule", "service", "priority")
    return {key: getattr(route, key) for key in keys}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
