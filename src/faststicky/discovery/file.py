"""Backends from a TOML file, read again when it changes.

The file is read at each poll and parsed when its bytes are new: that sees every way of saving it (in place, by rename,
through a symbolic link that is switched), and reading a few kilobytes a second costs less than being clever. A broken
file is a DiscoveryError that says what and where, at each poll until it is mended; the last good table stays.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from faststicky.discovery import dns, dns_names, upstream_url
from faststicky.discovery.file_schema import (
    BackendEntry,
    BalancingEntry,
    CookieEntry,
    FileConfig,
    HealthEntry,
    RouteEntry,
    ServiceEntry,
)
from faststicky.discovery.static import catch_all
from faststicky.errors import DiscoveryError, FaststickyError
from faststicky.labels import balancing, cookies, health
from faststicky.labels.rules import parse_expression
from faststicky.labels.values import nearest, shown
from faststicky.model import Backend, Balancing, CookiePolicy, HealthCheck, Route, Service, Snapshot, Warning

S = TypeVar("S", bound=msgspec.Struct)

MAX_SIZE = 4 * 1024 * 1024
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_REMEDY = "mend the file; the last good configuration stays in force"


class Content(NamedTuple):
    """What a file says. names: of each service that is given by names, to be added to its backends."""

    snapshot: Snapshot
    names: dict[str, tuple[dns_names.Name, ...]]


class FileSource:
    """One TOML file (file_schema.py says what is in it)."""

    def __init__(self, path: str | Path, interval: float = 1.0, names: dns_names.Names | None = None) -> None:
        """interval: seconds between two looks at the file."""
        self.name = f"file {path}"
        self.interval = interval
        self._path = Path(path)
        self._seen: bytes | None = None
        self._result: Content | DiscoveryError | None = None
        self._names = names or dns_names.Names()

    def discover(self) -> Snapshot:
        """What the file says now; without names the same object while it does not change. Raises DiscoveryError."""
        snapshot, names = self.content()
        self._names.follow([name for some in names.values() for name in some])
        return dns.filled(snapshot, names, self._names) if names else snapshot

    def content(self) -> Content:
        """The file alone; names are not asked about. Raises DiscoveryError."""
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_SIZE + 1)
        except OSError as error:
            remedy = "give the path of a readable TOML file"
            raise DiscoveryError(error.strerror or str(error), where=self.name, remedy=remedy) from None
        if data != self._seen or self._result is None:
            self._seen = data
            try:
                self._result = read(data, self.name)
            except DiscoveryError as error:
                self._result = error
        if isinstance(self._result, DiscoveryError):
            raise self._result.with_traceback(None)
        return self._result

    def watch(self, wake: Callable[[], None]) -> None:
        """The file is looked at every `interval`; names tell when their addresses change."""
        self._names.watch(wake)

    def close(self) -> None:
        """Follow no more names."""
        self._names.close()


def read(data: bytes, source: str) -> Content:
    """What a file's bytes stand for. Raises DiscoveryError: place, value and remedy."""
    if len(data) > MAX_SIZE:
        raise DiscoveryError(f"larger than {MAX_SIZE} bytes", where=source, remedy="split it")
    try:
        document = tomllib.loads(data.decode())
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DiscoveryError(f"not UTF-8 (at line {line})", where=source, remedy=_REMEDY) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:  # TOMLDecodeError says "(at line 3, column 5)"
        text = str(error).replace("end of document", f"the end, line {len(data.splitlines())}")
        raise DiscoveryError(f"not TOML: {text}", where=source, remedy=_REMEDY) from None
    config = _convert(document, FileConfig, "", source)
    services = {
        name: _convert(entry, ServiceEntry, f"services.{name}", source) for name, entry in config.services.items()
    }
    try:
        snapshot = _snapshot(services, config.routes, source)
        return Content(snapshot, {name: _names(name, entry) for name, entry in services.items() if entry.dns})
    except FaststickyError as error:
        where = f"{source}, {error.where}" if error.where else source
        raise DiscoveryError(error.what, where=where, remedy=error.remedy) from None


def _convert(value: Any, shape: type[S], place: str, source: str) -> S:
    """`value` as a `shape`. Raises DiscoveryError: msgspec's sentence with the field's place and value."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`").lstrip(".")
        whole = ".".join(part for part in (place, path) if part)
        where = f"{source}, {whole}" if whole else source
        if match := _UNKNOWN.fullmatch(text):
            known = _fields_at(shape, path)
            guess = nearest(match[1], known)
            remedy = f"did you mean {guess}?" if guess else f"known are {', '.join(known)}"
            raise DiscoveryError(f"unknown field {match[1]}", where=where, remedy=remedy) from None
        found = _value_at(value, path)
        shows = "" if isinstance(found, dict | list) else f" (it is {shown(str(found))})"
        raise DiscoveryError(text + shows, where=where, remedy=_REMEDY) from None


def _fields_at(shape: type[msgspec.Struct], path: str) -> list[str]:
    """Known field names of the table at `path` below a `shape`."""
    inner: dict[str, type[msgspec.Struct]] = {
        "cookie": CookieEntry,
        "backends": BackendEntry,
        "health": HealthEntry,
        "balancing": BalancingEntry,
        "routes": RouteEntry,
    }
    fields = msgspec.structs.fields(inner.get(path.partition("[")[0], shape))
    return [field.name for field in fields]


def _value_at(value: Any, path: str) -> Any:
    """The value at a path such as "backends[0].weight"."""
    for part in re.findall(r"[^.\[\]]+", path):
        value = value[int(part)] if isinstance(value, list | tuple) else value[part]
    return value


def _snapshot(entries: dict[str, ServiceEntry], route_entries: tuple[RouteEntry, ...], source: str) -> Snapshot:
    services = tuple(_service(name, entry) for name, entry in entries.items())
    routes = [_route(number, entry, entries) for number, entry in enumerate(route_entries)]
    if not routes and len(services) == 1:
        routes = [catch_all(services[0].name)]
    led_to = {route.service for route in routes}
    warnings = tuple(
        Warning(
            service=s.name,
            label="routes",
            value="",
            text="no route leads to this service; add a [[routes]] table for it",
        )
        for s in services
        if s.name not in led_to
    )
    return Snapshot(services=services, routes=tuple(routes), source=source, warnings=warnings)


def _service(name: str, entry: ServiceEntry) -> Service:
    where = f"services.{name}"
    backends: dict[str, Backend] = {}
    if not entry.backends and not entry.dns:
        raise DiscoveryError("there is no backend", where=where, remedy="add backends or dns")
    for item in entry.backends or ():
        given = item if isinstance(item, BackendEntry) else BackendEntry(url=item)
        url, host, port = upstream_url.parse(given.url, f"{where}.backends")
        if url in backends:
            raise DiscoveryError(
                f"backend {url} is given twice", where=f"{where}.backends", remedy="give each backend once"
            )
        label = given.name or url.removeprefix("http://")
        backends[url] = Backend(id=url, name=label, host=host, port=port, weight=given.weight)
    return Service(
        name=name,
        backends=tuple(backends.values()),
        cookie=_cookie(name, entry.cookie) if entry.sticky else None,
        pass_host_header=entry.pass_host_header,
        hold=_hold(name, entry.hold),
        health=_health(name, entry.health) if entry.health else None,
        balancing=_balancing(name, entry.balancing),
    )


def _names(service: str, entry: ServiceEntry) -> tuple[dns_names.Name, ...]:
    texts = (entry.dns,) if isinstance(entry.dns, str) else entry.dns or ()
    return tuple(dict.fromkeys(dns_names.parse(text, f"services.{service}.dns") for text in texts))


def _cookie(service: str, entry: CookieEntry) -> CookiePolicy:
    where = f"services.{service}.cookie"
    try:
        return CookiePolicy(
            name=cookies.cookie_name(entry.name) if entry.name else cookies.native_default_name(service),
            path=cookies.cookie_path(entry.path),
            domain=cookies.cookie_domain(entry.domain) if entry.domain else "",
            secure=entry.secure,
            http_only=entry.http_only,
            same_site=cookies.same_site(entry.same_site) if entry.same_site else "",
            max_age=cookies.max_age(str(entry.max_age)),
        )
    except FaststickyError as error:
        raise DiscoveryError(error.what, where=where, remedy=error.remedy) from None


def _health(service: str, entry: HealthEntry) -> HealthCheck:
    try:
        return HealthCheck(
            path=health.path(entry.path),
            port=entry.port,
            host=health.host(entry.host) if entry.host else "",
            interval=health.interval(str(entry.interval)),
            timeout=health.timeout(str(entry.timeout)),
            rise=entry.rise,
            fall=entry.fall,
            status=health.status(entry.status),
        )
    except FaststickyError as error:
        raise DiscoveryError(error.what, where=f"services.{service}.health", remedy=error.remedy) from None


def _balancing(service: str, entry: BalancingEntry) -> Balancing:
    try:
        return Balancing(
            balance=balancing.method(entry.balance),
            hash_key=balancing.hash_key(entry.hash) if entry.hash else "",
            max_concurrent=entry.max_concurrent,
            max_queued=entry.max_queued,
            queue_timeout=balancing.at_most(balancing.LONGEST_WAIT)(str(entry.queue_timeout)),
            slow_start=balancing.at_most(balancing.LONGEST_START)(str(entry.slow_start)),
        )
    except FaststickyError as error:
        raise DiscoveryError(error.what, where=f"services.{service}.balancing", remedy=error.remedy) from None


def _hold(service: str, value: float | str) -> float:
    if value == -1.0:
        return -1.0
    try:
        return balancing.hold(str(value))
    except FaststickyError as error:
        raise DiscoveryError(error.what, where=f"services.{service}.hold", remedy=error.remedy) from None


def _route(number: int, entry: RouteEntry, services: dict[str, ServiceEntry]) -> Route:
    where = f"routes[{number}]"
    if entry.service not in services:
        guess = nearest(entry.service, services) or ", ".join(services)
        raise DiscoveryError(f"there is no service {shown(entry.service)}", where=where, remedy=f"defined: {guess}")
    short = [_shorthand("Host", entry.host), _shorthand("PathPrefix", entry.path_prefix)]
    if bool(entry.rule) == any(short):
        raise DiscoveryError(
            "a route needs either rule or host and path_prefix", where=where, remedy="write one of the two"
        )
    rule = entry.rule or " && ".join(part for part in short if part)
    try:
        alternatives = parse_expression(rule)
    except FaststickyError as error:
        raise DiscoveryError(error.what, where=where, remedy=error.remedy) from None
    return Route(
        name=entry.name or entry.service,
        rule=rule,
        service=entry.service,
        priority=entry.priority or len(rule),
        alternatives=alternatives,
    )


def _shorthand(function: str, values: str | tuple[str, ...] | None) -> str:
    if values is None:
        return ""
    texts = (values,) if isinstance(values, str) else values
    return f"{function}({', '.join(f'`{text}`' for text in texts)})"
