"""From the routers of Traefik 2's and 3's labels to routes.

A router with a middleware that keeps people out, that changes the path, or that is defined elsewhere is left out: to ignore it
would publish what was not public, or ask the application for what it does not have. Other middlewares are ignored, with a
warning.
"""

from __future__ import annotations

from collections.abc import Iterable

from faststicky.errors import LabelError
from faststicky.labels.reading import LabelDefaults
from faststicky.labels.rules import Alternatives, parse_expression
from faststicky.labels.traefik import normalize
from faststicky.labels.traefik2_keys import MIDDLEWARES, ROUTERS, SERVICES, names, router_label, spelled
from faststicky.labels.values import LabelReader, integer, shown
from faststicky.model import Route

_LEFT_OUT = "the router is left out"
_KEEP_OUT = frozenset(
    {"basicauth", "digestauth", "forwardauth", "ipallowlist", "ipwhitelist", "passtlsclientcert", "plugin"}
)
_OTHER_PATH = frozenset({"stripprefix", "stripprefixregex", "addprefix", "replacepath", "replacepathregex"})


def target(router: str, reader: LabelReader) -> str:
    """Name of the service that a router names, "" for none. The provider is left away if it is the Swarm."""
    written = (reader.text(router_label(router, "service")) or "").lower()
    name, _, provider = written.partition("@")
    return name if provider in ("docker", "swarm") else written


def read(service: str, name: str, several: bool, defaults: LabelDefaults, reader: LabelReader) -> tuple[Route, ...]:
    """The routes to one of Traefik's services; warnings of those that are left out are kept in `reader`.

    service: of the Swarm. name: of Traefik. several: whether the labels define more than this one.
    """
    found = []
    for router in names(reader, ROUTERS) or [normalize(service)]:
        try:
            found.append(_route(router, service, name, several, defaults, reader))
        except LabelError:
            continue
    return tuple(found)


def _route(router: str, service: str, name: str, several: bool, defaults: LabelDefaults, reader: LabelReader) -> Route:
    _refuse_other_targets(router, name, several, reader)
    _refuse_middlewares(router, reader)
    key = router_label(router, "rule")
    rule = reader.text(key)
    if rule is None:
        rule = f"Host(`{normalize(service)}{'.' if defaults.domain else ''}{defaults.domain}`)"
        alternatives = _parse(rule)
    else:
        alternatives = reader.required(key, _parse, "", _LEFT_OUT)
    number = integer(0, 1_000_000_000)
    priority = reader.optional(router_label(router, "priority"), number, 0, "the rule's length is used")
    return Route(
        name=f"{spelled(router, ROUTERS, reader)}@{defaults.traefik_provider}",
        rule=rule,
        service=f"{spelled(name, SERVICES, reader)}@{defaults.traefik_provider}",
        priority=priority or len(rule),
        alternatives=alternatives,
    )


def _refuse_other_targets(router: str, name: str, several: bool, reader: LabelReader) -> None:
    wanted, key = target(router, reader), router_label(router, "service")
    if not wanted and several:
        raise reader.left_out(key, "one of several services has to be named", f"write {key}={name}", _LEFT_OUT)
    if "@" in wanted:
        what = f"{shown(wanted)} is a service that only Traefik has"
        raise reader.left_out(key, what, "remove the router", _LEFT_OUT)
    if wanted and wanted != name:
        what = f"it leads to {shown(wanted)}, not to this service"
        raise reader.left_out(key, what, "move the router's labels to the service that it leads to", _LEFT_OUT)


def _parse(rule: str) -> Alternatives:
    """Traefik 2 has patterns in braces, also in paths."""
    alternatives = parse_expression(rule)
    for matcher in (matcher for every in alternatives for matcher in every):
        if matcher.kind in ("path", "path_prefix") and any("{" in value for value in matcher.values):
            raise LabelError(
                "patterns in paths are not supported", remedy="use PathPrefix with what stands before the pattern"
            )
    return alternatives


def _refuse_middlewares(router: str, reader: LabelReader) -> None:
    key = router_label(router, "middlewares")
    kinds = dict(_kinds((reader.text(key) or "").lower(), reader, set()))
    for middleware, kind in kinds.items():
        what = remedy = ""
        if not kind:
            what = f"middleware {shown(middleware)} is not defined here, so that nobody knows what it is for"
            remedy = "if it neither keeps people out nor changes the path, remove it"
        elif kind in _KEEP_OUT:
            what, remedy = f"{kind} ({middleware}) is not supported", "keep it in the application, and remove it here"
        elif kind in _OTHER_PATH:
            what, remedy = f"{kind} ({middleware}) is not supported", "let the application serve the path as it is"
        if what:
            raise reader.left_out(key, what, remedy, _LEFT_OUT)
    if kinds:
        told = ", ".join(f"{kind} ({middleware})" for middleware, kind in kinds.items())
        reader.warn_of(key, f"{told}: not supported, ignored; remove it, or keep what it does in the application")


def _kinds(listed: str, reader: LabelReader, seen: set[str]) -> Iterable[tuple[str, str]]:
    """Middlewares and their kinds ("" where they are not defined), those in chains one by one."""
    for written in filter(None, (part.strip() for part in listed.split(","))):
        name, _, provider = written.partition("@")
        prefix = f"{MIDDLEWARES}{name}."
        keys = [key for key in reader.names() if key.startswith(prefix)] if provider in ("", "docker", "swarm") else []
        if not keys:
            yield written, ""
        elif (kind := keys[0].removeprefix(prefix).partition(".")[0]) != "chain":
            yield written, kind
        elif name not in seen:
            yield from _kinds((reader.text(prefix + "chain.middlewares") or "").lower(), reader, seen | {name})
