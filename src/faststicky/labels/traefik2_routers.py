"""From the routers of Traefik 2's and 3's labels to routes.

A router with a middleware that keeps people out, that changes the path, or that nobody knows is left out, see
traefik2_middlewares.py. What it kept people out of is not served by another router of the service either: by the one that
redirects to it from http, or by the one that is for other paths of its hosts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from faststicky.errors import LabelError
from faststicky.labels import traefik2_middlewares
from faststicky.labels.reading import LabelDefaults
from faststicky.labels.rules import Alternatives, hosts, parse_expression
from faststicky.labels.traefik import normalize
from faststicky.labels.traefik2_keys import ROUTERS, SERVICES, names, router_label, spelled
from faststicky.labels.traefik2_middlewares import Middlewares
from faststicky.labels.values import LabelReader, integer, shown
from faststicky.model import Route

_LEFT_OUT = "the router is left out"
_BARRED = f"{_LEFT_OUT}, and so are others for its hosts"
_LOWEST, _HIGHEST = 1, 1_000_000_000  # priorities
_integer = integer(-(10**12), 10**12)


class _Router(NamedTuple):
    name: str  # in lower case
    rule: str
    alternatives: Alternatives | LabelError
    middlewares: Middlewares
    entry_points: frozenset[str]  # empty for all


def target(router: str, reader: LabelReader) -> str:
    """Name of the service that a router names, "" for none. The provider is left away if it is the Swarm."""
    written = (reader.peek(router_label(router, "service")) or "").lower()
    name, _, provider = written.partition("@")
    return name if provider in ("docker", "swarm") else written


def read(
    service: str, name: str, defined: Sequence[str], defaults: LabelDefaults, reader: LabelReader
) -> tuple[Route, ...]:
    """The routes to one of Traefik's services; warnings of those that are left out are kept in `reader`.

    service: of the Swarm. name: of Traefik. defined: all of Traefik's that the labels define.
    """
    kept: list[_Router] = []
    barred: list[_Router] = []
    for key in names(reader, ROUTERS) or [normalize(service)]:
        try:
            _refuse_other_targets(key, name, defined, reader)
        except LabelError:
            continue
        router = _router(key, service, defaults, reader)
        until = _BARRED if router.middlewares.keeps_out else _LEFT_OUT
        if not traefik2_middlewares.refused(router.middlewares, router_label(key, "middlewares"), reader, until):
            kept.append(router)
        elif router.middlewares.bars:
            barred.append(router)
    found = []
    for router in kept:
        try:
            found.append(_route(router, name, [one for one in barred if _bars(one, router)], defaults, reader))
        except LabelError:
            continue
    return tuple(found)


def _router(name: str, service: str, defaults: LabelDefaults, reader: LabelReader) -> _Router:
    rule = reader.peek(router_label(name, "rule"))
    if rule is None:
        rule = f"Host(`{normalize(service)}{'.' if defaults.domain else ''}{defaults.domain}`)"
    points = (reader.peek(router_label(name, "entrypoints")) or "").lower().split(",")
    return _Router(
        name,
        rule,
        _parsed(rule),
        traefik2_middlewares.of_label(router_label(name, "middlewares"), reader, defaults.middlewares),
        frozenset(point.strip() for point in points if point.strip()),
    )


def _priority(text: str) -> int:
    """Traefik has negative and larger ones, too; 0 is the rule's length. Raises LabelError."""
    number = _integer(text)
    return max(_LOWEST, min(number, _HIGHEST)) if number else 0


def _bars(barred: _Router, router: _Router) -> bool:
    """True if a router would let people past the barred one.

    Hosts tell the two apart; paths do not, since an application may take /x/../admin and /%61dmin for /admin. A middleware that
    nobody knows is usually the redirection from http: Traefik serves what other entry points have without it.
    """
    some, others = _hosts(barred), _hosts(router)
    if some is not None and others is not None and not some & others:
        return False
    if barred.middlewares.keeps_out or router.middlewares.redirects:
        return True
    return not (barred.entry_points and router.entry_points) or bool(barred.entry_points & router.entry_points)


def _hosts(router: _Router) -> set[str] | None:
    return None if isinstance(router.alternatives, LabelError) else hosts(router.alternatives)


def _route(
    router: _Router, name: str, barred: Sequence[_Router], defaults: LabelDefaults, reader: LabelReader
) -> Route:
    key = router_label(router.name, "rule")
    if barred:
        past = f"it would let people past router {' and '.join(other.name for other in barred)}, which is left out"
        raise reader.left_out(key, past, "mend that router first", _LEFT_OUT)
    alternatives = router.alternatives
    if isinstance(alternatives, LabelError):
        raise reader.left_out(key, alternatives.what, alternatives.remedy, _LEFT_OUT)
    reader.optional(key, lambda _: alternatives, alternatives)  # what the label stands for
    reader.text(router_label(router.name, "service"))
    priority = reader.optional(router_label(router.name, "priority"), _priority, 0, "the rule's length is used")
    return Route(
        name=f"{spelled(router.name, ROUTERS, reader)}@{defaults.traefik_provider}",
        rule=router.rule,
        service=f"{spelled(name, SERVICES, reader)}@{defaults.traefik_provider}",
        priority=priority or len(router.rule),
        alternatives=alternatives,
    )


def _refuse_other_targets(router: str, name: str, defined: Sequence[str], reader: LabelReader) -> None:
    wanted, key = target(router, reader), router_label(router, "service")
    if not wanted and len(defined) > 1:
        raise reader.left_out(key, "one of several services has to be named", f"write {key}={name}", _LEFT_OUT)
    if "@" in wanted:
        what = f"{shown(wanted)} is a service that only Traefik has"
        raise reader.left_out(key, what, "remove the router", _LEFT_OUT)
    if wanted and wanted != name and wanted in defined:
        what = f"it leads to {wanted}, and only one port of a service is served, that of {name}"
        raise reader.left_out(key, what, "remove the router, or keep it for another proxy", _LEFT_OUT)
    if wanted and wanted != name:
        what = f"it leads to {shown(wanted)}, not to this service"
        raise reader.left_out(key, what, "move the router's labels to the service that it leads to", _LEFT_OUT)


def _parsed(rule: str) -> Alternatives | LabelError:
    """Traefik 2 has patterns in braces, also in paths."""
    try:
        alternatives = parse_expression(rule)
    except LabelError as error:
        return error
    for matcher in (matcher for every in alternatives for matcher in every):
        if matcher.kind in ("path", "path_prefix") and any("{" in value for value in matcher.values):
            remedy = "use PathPrefix with what stands before the pattern"
            return LabelError("patterns in paths are not supported", remedy=remedy)
    return alternatives
