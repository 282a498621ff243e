"""Backends from `--backend URL` flags: one sticky service that answers everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faststicky.discovery import upstream_url
from faststicky.errors import ConfigError
from faststicky.labels.cookies import native_default_name
from faststicky.labels.rules import parse_expression
from faststicky.model import Backend, CookiePolicy, Route, Service, Snapshot

SERVICE = "default"
_EVERYTHING = "PathPrefix(`/`)"


def catch_all(service: str) -> Route:
    """The route that leads everything to one service."""
    return Route(
        name=service,
        rule=_EVERYTHING,
        service=service,
        priority=len(_EVERYTHING),
        alternatives=parse_expression(_EVERYTHING),
    )


class StaticSource:
    """The same snapshot for ever."""

    name = "flags"
    interval = 3600.0  # there is nothing to see

    def __init__(self, urls: Sequence[str]) -> None:
        """urls: one of each backend. Raises ConfigError."""
        backends: dict[str, Backend] = {}
        for text in urls:
            url, host, port = upstream_url.parse(text, "--backend")
            if url in backends:
                raise ConfigError(f"backend {url} is given twice", where="--backend", remedy="give each backend once")
            backends[url] = Backend(id=url, name=url.removeprefix("http://"), host=host, port=port)
        if not backends:
            raise ConfigError("there is no backend", where="--backend", remedy="give at least one URL")
        service = Service(
            name=SERVICE,
            backends=tuple(backends.values()),
            cookie=CookiePolicy(name=native_default_name(SERVICE)),
        )
        self._snapshot = Snapshot(services=(service,), routes=(catch_all(SERVICE),), source=self.name)

    def discover(self) -> Snapshot:
        """What the flags said."""
        return self._snapshot

    def watch(self, wake: Callable[[], None]) -> None:
        """Flags do not change."""

    def close(self) -> None:
        """Nothing is open."""
