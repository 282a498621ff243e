"""From what each service's labels say to the routing table's services and routes.

Services whose labels name one backend (Traefik 1: traefik.backend) share their backends. Everything is ordered by the
source's names, so that the same world gives the same snapshot on every node.
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


def assemble(found: Sequence[Found]) -> tuple[tuple[Service, ...], tuple[Route, ...], list[Warning]]:
    """Services, routes and what is contradictory among them."""
    warnings: list[Warning] = []
    leaders: dict[str, Found] = {}
    members: dict[str, list[Backend]] = {}
    routes: list[Route] = []
    for one in sorted(found, key=lambda f: f.name):
        leader = leaders.setdefault(one.reading.service, one)
        if leader is not one and not _may_share(leader, one, warnings):
            continue
        members.setdefault(one.reading.service, []).extend(one.backends)
        _add_routes(routes, one, warnings)
    services = tuple(
        Service(
            name=name,
            backends=tuple(members[name]),
            cookie=leader.reading.cookie,
            pass_host_header=leader.reading.pass_host_header,
        )
        for name, leader in sorted(leaders.items())
    )
    return services, tuple(routes), warnings


def _may_share(leader: Found, one: Found, warnings: list[Warning]) -> bool:
    """True if `one` may add its backends to those of `leader`."""
    if leader.reading.dialect != "traefik1" or one.reading.dialect != "traefik1":
        text = f"its name in the routing table is also that of service {leader.name}; rename one of them; not routed"
        warnings.append(Warning(service=one.name, label="traefik.backend", value=one.reading.service, text=text))
        return False
    same = (leader.reading.cookie, leader.reading.pass_host_header) == (
        one.reading.cookie,
        one.reading.pass_host_header,
    )
    if not same:
        text = f"shares its backends with service {leader.name}, whose cookie and host labels are used; make them alike"
        warnings.append(Warning(service=one.name, label="traefik.backend", value=one.reading.service, text=text))
    return True


def _add_routes(routes: list[Route], one: Found, warnings: list[Warning]) -> None:
    for route in one.reading.routes:
        twin = next((r for r in routes if r.alternatives == route.alternatives and r.priority == route.priority), None)
        if twin is not None and twin.service == route.service:
            continue
        if twin is not None:
            text = (
                f"the same rule and priority as of service {twin.service}, which gets every request; make them differ"
            )
            warnings.append(Warning(service=one.name, label="rule", value=route.rule, text=text))
        routes.append(msgspec.structs.replace(route, name=_free_name(route.name, routes)))


def _free_name(name: str, routes: list[Route]) -> str:
    """`name`, or with the next number at its end, as Traefik 1 numbers its frontends from frontend-PathPrefix-0 on."""
    taken = {route.name for route in routes}
    stem = re.sub(r"-[0-9]+$", "", name)
    number = 0
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name
