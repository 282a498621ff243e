"""Backends from names (`--dns NAME:PORT`), and names in place of backends in a configuration file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from faststicky.discovery.dns_names import INTERVAL, Name, Names, parse
from faststicky.discovery.static import SERVICE, catch_all
from faststicky.errors import ConfigError, DiscoveryError
from faststicky.labels.cookies import native_default_name
from faststicky.model import Backend, CookiePolicy, Service, Snapshot, Warning

_REMEDY = "see that the name is right and that the proxy is on a network with it"


class DnsSource:
    """One sticky service that answers everything; its backends are the addresses of all names."""

    interval = INTERVAL

    def __init__(self, names: Sequence[str], follower: Names | None = None) -> None:
        """names: "tasks.web:8000" each. Raises ConfigError."""
        self._wanted = tuple(dict.fromkeys(parse(text, "--dns") for text in names))
        if not self._wanted:
            raise ConfigError("there is no name", where="--dns", remedy="give at least one: --dns tasks.web:8000")
        self.name = "dns " + " ".join(map(str, self._wanted))
        self._names = follower or Names()
        service = Service(name=SERVICE, backends=(), cookie=CookiePolicy(name=native_default_name(SERVICE)))
        self._frame = Snapshot(services=(service,), routes=(catch_all(SERVICE),), source=self.name)

    def discover(self) -> Snapshot:
        """What the names stand for now. Raises DiscoveryError while nothing at all is known."""
        self._names.follow(self._wanted)
        return filled(self._frame, {SERVICE: self._wanted}, self._names)

    def watch(self, wake: Callable[[], None]) -> None:
        """Every answer that differs from the last one."""
        self._names.watch(wake)

    def close(self) -> None:
        """Ask no more."""
        self._names.close()


def filled(snapshot: Snapshot, wanted: Mapping[str, Sequence[Name]], names: Names) -> Snapshot:
    """The snapshot with the addresses of names added to the backends of services, and a warning for each that fails.

    wanted: names of each service. Raises DiscoveryError if that leaves no backend at all and a name was never answered:
    better the table of last time than none.
    """
    warnings: list[Warning] = []
    unknown: list[str] = []
    services = []
    for service in snapshot.services:
        backends: dict[str, Backend] = {backend.id: backend for backend in service.backends}
        for name in wanted.get(service.name, ()):
            found, problem, answered = names.of(name)
            for backend in found:
                backends.setdefault(backend.id, backend)
            if problem:
                text = f"{problem}; {_REMEDY}" + ("; its last addresses stay" if found else "")
                warnings.append(Warning(service=service.name, label="dns", value=str(name), text=text))
            if not answered:
                unknown.append(f"{name}: {problem or 'no answer yet'}")
        services.append(msgspec.structs.replace(service, backends=tuple(backends.values())))
    if unknown and not any(service.backends for service in services):
        raise DiscoveryError(", ".join(unknown), where=snapshot.source, remedy=_REMEDY)
    return msgspec.structs.replace(snapshot, services=tuple(services), warnings=(*snapshot.warnings, *warnings))
