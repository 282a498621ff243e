"""From declarations to a report, with what the proxy itself makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

import msgspec

from faststicky.check import findings, running, shared_cookies, stack_file, suspicions
from faststicky.check.declared import Declared
from faststicky.check.report import CheckedRoute, Report
from faststicky.check.rule_words import in_words
from faststicky.discovery.pool import Found, assemble, members
from faststicky.errors import ConfigError
from faststicky.labels import traefik2_middlewares
from faststicky.labels.dialects import Explanation, explain
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Route, Service, Warning


def of_stack(
    files: Sequence[tuple[str, str]],
    stack: str,
    defaults: LabelDefaults,
    proxy: str,
    environment: Mapping[str, str],
) -> Report:
    """files: name and content of each; stack: its name, proxy: the proxy's service, "" if not told. Raises ConfigError."""
    declared = stack_file.read(files, stack, environment)
    explained = _explained(declared, defaults)
    own = _networks_of(proxy, stack, declared) if proxy else None
    warnings: list[Warning] = []
    for one in declared:
        reading = explained[one.name].reading
        warnings += explained[one.name].warnings
        warnings += suspicions.of_networks(one, reading, own) if reading else ()
    found = _found(explained)
    services, routes, contradictions = assemble(found)
    tasks = {one.name: one.tasks for one in declared}

    def declared_tasks(_service: Service, names: Sequence[str]) -> int | None:
        numbers = [tasks[name] for name in names]
        return None if None in numbers else sum(number or 0 for number in numbers)

    notes = []
    if not stack:
        text = "names of services and networks, and the cookies named after them, lack the stack's name; --stack NAME"
        notes.append(f"{text} adds it, as docker stack deploy NAME does")
    if not proxy:
        notes.append("whether the proxy is on a network of the services is not known; --proxy SERVICE looks at it")
    return _report(
        f"stack file {', '.join(name for name, _ in files)}",
        declared, explained, services, routes, (*warnings, *contradictions), own, declared_tasks, notes,
    )  # fmt: skip


def of_swarm(endpoint: str, defaults: LabelDefaults, proxy: str, *, own_ids: Sequence[str] | None = None) -> Report:
    """own_ids: IDs of this process's container, found when not given. Raises DiscoveryError, ConfigError."""
    found = running.read(endpoint, defaults, proxy, own_ids=own_ids)
    explained = _explained(found.declared, defaults)
    notes = []
    if found.own is None:
        notes.append("which networks the proxy is on is not known; --proxy SERVICE looks at them")

    def running_tasks(service: Service, _names: Sequence[str]) -> int:
        return sum(backend.state == "up" for backend in service.backends)

    snapshot = found.snapshot
    return _report(
        snapshot.source, found.declared, explained, snapshot.services, snapshot.routes, snapshot.warnings, found.own,
        running_tasks, notes,
    )  # fmt: skip


def _explained(declared: Sequence[Declared], defaults: LabelDefaults) -> dict[str, Explanation]:
    middlewares = traefik2_middlewares.defined(one.labels for one in declared)
    defaults = msgspec.structs.replace(defaults, middlewares=middlewares)
    return {one.name: explain(one.name, one.labels, defaults) for one in declared}


def _found(explained: Mapping[str, Explanation]) -> list[Found]:
    return [Found(name, one.reading, ()) for name, one in explained.items() if one.reading is not None]


def _networks_of(proxy: str, stack: str, declared: Sequence[Declared]) -> Set[str]:
    for one in declared:
        if one.name in (proxy, f"{stack}_{proxy}"):
            return frozenset(one.networks)
    names = ", ".join(one.name for one in declared)
    remedy = f"name one of {names}, or leave it out if the proxy is in another stack"
    raise ConfigError(f"there is no service {proxy}", where="--proxy", remedy=remedy)


def _report(
    source: str,
    declared: Sequence[Declared],
    explained: Mapping[str, Explanation],
    services: Sequence[Service],
    routes: Sequence[Route],
    warnings: Sequence[Warning],
    own: Set[str] | None,
    tasks: Callable[[Service, Sequence[str]], int | None],
    notes: Sequence[str],
) -> Report:
    suspected = [warning for one in declared for warning in suspicions.of_service(one, explained[one.name], own)]
    suspected += shared_cookies.of_readings({name: one.reading for name, one in explained.items() if one.reading})
    said: dict[str, list[Warning]] = {}
    for warning in (*warnings, *suspected):
        said.setdefault(warning.service, []).append(warning)
    names = members(_found(explained))
    checked = [findings.of_service(one, explained[one.name], said.get(one.name, ()), names) for one in declared]
    by_name = {service.name: service for service in services}
    return Report(
        source=source,
        services=tuple(one for one in checked if one is not None),
        routes=tuple(
            CheckedRoute(
                name=route.name,
                rule=route.rule,
                meaning=in_words(route.alternatives),
                priority=route.priority,
                backend=route.service,
                services=tuple(names.get(route.service, ())),
                cookie=cookie.name if (cookie := by_name[route.service].cookie) else None,
                tasks=tasks(by_name[route.service], names.get(route.service, ())),
            )
            for route in sorted(routes, key=lambda route: -route.priority)
        ),
        warnings=tuple(warnings),
        suspicions=tuple(suspected),
        notes=tuple(notes),
    )
