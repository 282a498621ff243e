"""From what each service's labels say to the routing table's services and routes.

Services whose labels name one backend (Traefik 1: traefik.backend; Traefik 2 and 3: a service) share their backends.
Everything is ordered by the source's names, so that the same world gives the same snapshot on every node.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from faststicky.labels.reading import Reading
from faststicky.model import Backend, Route, Service, Warning


class Found(NamedTuple):
    """A service of the source that is to be routed."""

    name: str
    reading: Reading
    backends: tuple[Backend, ...]
    removed: bool = False  # the source has it no longer; its last backends are ending


def assemble(found: Sequence[Found]) -> tuple[tuple[Service, ...], tuple[Route, ...], list[Warning]]:
    """Services, routes and what is contradictory among them."""
    warnings: list[Warning] = []
    leaders: dict[str, Found] = {}
    members: dict[str, list[Backend]] = {}
    routes = _Routes(warnings)
    alive = {one.reading.service for one in found if not one.removed}
    for one in sorted(found, key=_order):
        leader = leaders.setdefault(one.reading.service, one)
        if leader is not one and not _may_share(leader, one, [] if one.removed else warnings):
            continue
        members.setdefault(one.reading.service, []).extend(one.backends)
        routes.add(one)
    services = tuple(
        Service(
            name=name,
            backends=tuple(members[name]),
            cookie=leader.reading.cookie,
            pass_host_header=leader.reading.pass_host_header,
            hold=leader.reading.hold,
            health=leader.reading.health,
            balancing=leader.reading.balancing,
            removed=name not in alive,
        )
        for name, leader in sorted(leaders.items())
    )
    return services, tuple(routes.all), warnings


def members(found: Sequence[Found]) -> dict[str, list[str]]:
    """Which of the source's services make up each of the routing table's."""
    leaders: dict[str, Found] = {}
    result: dict[str, list[str]] = {}
    for one in sorted(found, key=_order):
        leader = leaders.setdefault(one.reading.service, one)
        if leader is one or _may_share(leader, one, []):
            result.setdefault(one.reading.service, []).append(one.name)
    return result


def _order(one: Found) -> tuple[bool, str]:
    return one.removed, one.name


def _may_share(leader: Found, one: Found, warnings: list[Warning]) -> bool:
    """True if `one` may add its backends to those of `leader`."""
    label = one.reading.sticky_label if one.reading.dialect == "traefik2" else "traefik.backend"
    if leader.reading.dialect != one.reading.dialect or one.reading.dialect == "native":
        text = f"its name in the routing table is also that of service {leader.name}; rename one of them; not routed"
        warnings.append(Warning(service=one.name, label=label, value=one.reading.service, text=text))
        return False
    same = (leader.reading.cookie, leader.reading.pass_host_header) == (
        one.reading.cookie,
        one.reading.pass_host_header,
    )
    if not same:
        text = f"shares its backends with service {leader.name}, whose cookie and host labels are used; make them alike"
        warnings.append(Warning(service=one.name, label=label, value=one.reading.service, text=text))
    return True


class _Routes:
    """Routes as they are found. Of two that match the same requests the first counts: removed services come last, so
    that a successor with the same rule takes over at once."""

    def __init__(self, warnings: list[Warning]) -> None:
        self.all: list[Route] = []
        self._warnings = warnings
        self._twins: dict[tuple[object, int], Route] = {}
        self._names: set[str] = set()

    def add(self, one: Found) -> None:
        for route in one.reading.routes:
            key = (route.alternatives, route.priority)
            twin = self._twins.setdefault(key, route)
            if twin is not route and (twin.service == route.service or one.removed):
                continue
            if twin is not route:
                text = (
                    f"the same rule and priority as of service {twin.service}, which gets every request; "
                    "make them differ"
                )
                self._warnings.append(Warning(service=one.name, label="rule", value=route.rule, text=text))
            name = self._free(route.name)
            self._names.add(name)
            self.all.append(route if name == route.name else msgspec.structs.replace(route, name=name))

    def _free(self, name: str) -> str:
        """`name`, or with the next number at its end, as Traefik 1 numbers its frontends from frontend-PathPrefix-0
        on."""
        stem = re.sub(r"-[0-9]+$", "", name)
        number = 0
        while name in self._names:
            number += 1
            name = f"{stem}-{number}"
        return name
