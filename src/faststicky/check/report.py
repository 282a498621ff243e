"""What `faststicky check` has found. `--format json` is this, as it is."""

from __future__ import annotations

from typing import Literal

import msgspec

from faststicky.labels.reading import Dialect
from faststicky.model import Warning

Verdict = Literal["understood", "ignored", "suspicious"]
"""understood: it is in force, as its text says. ignored: it has no effect, and need not have one. suspicious: something has
to be mended; the texts are those of the warnings."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One label. texts: what it means, why it is ignored, or what is wrong and how to mend it."""

    key: str
    value: str
    verdict: Verdict
    texts: tuple[str, ...]


class CheckedService(msgspec.Struct, frozen=True, kw_only=True):
    """A service that has labels of a proxy. Others are not told of."""

    name: str
    dialect: Dialect | None  # None: it is not routed
    backend: str | None  # its name in the routing table
    tasks: int | None  # that it is meant to have; None: one on every node
    labels: tuple[Label, ...]
    warnings: tuple[Warning, ...]  # about labels that are missing, or in the wrong place, and about the service itself


class CheckedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route, as the proxy will have it."""

    name: str
    rule: str  # as it is written
    meaning: str  # the same in words
    priority: int
    backend: str
    services: tuple[str, ...]  # whose tasks these are
    cookie: str | None  # name; None: not sticky
    tasks: int | None  # of a stack file: that are meant to be, None: one on every node; of a Swarm: that take new users


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    source: str  # "swarm unix:///var/run/docker.sock", "stack file web.yml"
    services: tuple[CheckedService, ...]
    routes: tuple[CheckedRoute, ...]  # in the order in which they are tried
    warnings: tuple[Warning, ...]  # what a proxy logs, and its page lists (/api/table)
    suspicions: tuple[Warning, ...]  # what a proxy does not see
    notes: tuple[str, ...]  # what could not be found out
