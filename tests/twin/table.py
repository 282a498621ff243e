"""The routing table: the oracle of faststicky.core._table. Choices:

* Rules are tried by falling priority, equal ones in the order of the TableSpec; a rule without conditions always holds.
* The host is compared in lower case, without port and without the root's dot at its end; one that is longer than 255
  bytes is nobody's. The path is compared as it was sent, without its query.
* A cookie value is "TASK.SLOT", "TASK", or what another proxy wrote. Tried in this order: what stands before the first
  dot, as anything but a slot's token; what stands behind it, as a slot's token; the whole, as another proxy's. A
  backend that is leaving or down is passed over.
* New sessions go to backends that are up, by smooth weighted round robin (as in nginx: everybody gains its weight, the
  first with the most wins and pays the total); when nobody is up, to those that drain. Weight 0 gets none. The core
  begins equally weighted backends at a random position, the twin at the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from faststicky.model import BackendSpec, Matcher, ServiceSpec, TableSpec

LONGEST_HOST = 255
USABLE = ("up", "draining")


class CookieTable:
    """See faststicky.core._table.CookieTable."""

    def __init__(self, entries: Sequence[tuple[bytes, int, int]]) -> None:
        self._entries: dict[bytes, tuple[int, int]] = {}
        for value, position, outcome in entries:
            self._entries.setdefault(value, (position, outcome))

    def find(self, value: bytes) -> tuple[int, int] | None:
        return self._entries.get(value)

    def __len__(self) -> int:
        return len(self._entries)


class Table:
    """See faststicky.core._table.Table. An unknown service is a KeyError."""

    def __init__(self, spec: TableSpec) -> None:
        self.generation = spec.generation
        self._routes = sorted(spec.routes, key=lambda route: -route.priority)
        self._services = {service.name: _Service(service) for service in spec.services}

    def route(self, host: bytes, path: bytes, method: bytes = b"GET") -> str | None:
        host = _plain_host(host)
        path = path.partition(b"?")[0]
        for route in self._routes:
            for conditions in route.alternatives:
                if all(_holds(condition, host, path, method) for condition in conditions):
                    return route.service
        return None

    def find(self, service: str, cookie_value: bytes) -> tuple[str, str] | None:
        return self._services[service].find(cookie_value)

    def choose(self, service: str) -> str | None:
        return self._services[service].choose()


def _plain_host(host: bytes) -> bytes:
    host = host[: host.index(b"]") + 1] if host.startswith(b"[") else host.partition(b":")[0].removesuffix(b".")
    return host.lower() if len(host) <= LONGEST_HOST else b""


def _holds(matcher: Matcher, host: bytes, path: bytes, method: bytes) -> bool:
    values = [value.encode("latin-1") for value in matcher.values]
    found = {
        "host": host in [value.lower() for value in values],
        "host_suffix": any(host.endswith(value.lower()) and len(host) > len(value) for value in values),
        "path": path in values,
        "path_prefix": any(path.startswith(value) for value in values),
        "method": method in values,
    }
    return found[matcher.kind] != matcher.negate


class _Service:
    def __init__(self, spec: ServiceSpec) -> None:
        self._backends = spec.backends
        self._current = dict.fromkeys(range(len(spec.backends)), 0)
        self._lookup: dict[bytes, tuple[BackendSpec, str]] = {}
        for value, position, outcome in spec.lookup:
            self._lookup.setdefault(value.encode("latin-1"), (spec.backends[position], outcome))

    def find(self, cookie_value: bytes) -> tuple[str, str] | None:
        task, _, slot = cookie_value.partition(b".")
        for key, kinds in (
            (task, ("task", "foreign", "previous")),
            (slot, ("slot",)),
            (cookie_value, ("foreign",)),
        ):
            backend, kind = self._lookup.get(key, (None, ""))
            if backend is not None and kind in kinds and backend.state in USABLE:
                return backend.id, kind
        return None

    def choose(self) -> str | None:
        for state in USABLE:
            able = [i for i, backend in enumerate(self._backends) if backend.state == state and backend.weight > 0]
            if able:
                for i in able:
                    self._current[i] += self._backends[i].weight
                best = max(able, key=lambda i: self._current[i])
                self._current[best] -= sum(self._backends[i].weight for i in able)
                return self._backends[best].id
        return None
