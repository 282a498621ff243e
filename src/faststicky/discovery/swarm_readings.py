"""Labels are read when they change, not with every sync: rules are parsed, and services are many."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from faststicky.discovery.swarm_shapes import Service, ServiceSpec
from faststicky.labels import dialects, traefik2_middlewares
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.model import Warning

Said = tuple[Reading | None, tuple[Warning, ...]]


class Readings:
    """What the labels of each service say, by the service's ID."""

    def __init__(self, defaults: LabelDefaults) -> None:
        self._defaults = defaults
        self._kept: dict[str, tuple[ServiceSpec, Said]] = {}
        self._used: dict[str, tuple[ServiceSpec, Said]] = {}

    def know(self, services: Iterable[Service]) -> None:
        """What services define for each other; to be called with all of them before `of`. A change reads all anew."""
        middlewares = traefik2_middlewares.defined(service.spec.labels or {} for service in services)
        if middlewares != self._defaults.middlewares:
            self._defaults = msgspec.structs.replace(self._defaults, middlewares=middlewares)
            self._kept, self._used = {}, {}

    def of(self, service: Service) -> Said:
        """As `dialects.read`; the same objects as the last time if name and labels are the same."""
        found = self._kept.get(service.id)
        if found is None or found[0] != service.spec:
            found = (service.spec, dialects.read(service.spec.name, service.spec.labels or {}, self._defaults))
        self._used[service.id] = found
        return found[1]

    def trim(self) -> None:
        """Forget the services that were not asked for since the last call."""
        self._kept, self._used = self._used, {}
