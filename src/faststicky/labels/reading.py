"""What the labels of one service say, whichever dialect they are written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from faststicky.labels.traefik import Written
from faststicky.model import Balancing, CookiePolicy, Drain, HealthCheck, Route

Dialect = Literal["native", "traefik1", "traefik2", "interlock"]
"""traefik2: labels of Traefik 2 and 3."""


class LabelDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What applies where a label is missing: Traefik's provider options of the same names."""

    exposed_by_default: bool = True  # False: only services with traefik.enable=true or faststicky.enable=true
    network: str = ""  # name or ID of the overlay network on which tasks are reached
    domain: str = ""  # a service of Traefik's without a rule gets the host SERVICE.DOMAIN
    traefik_provider: Literal["docker", "swarm"] = "swarm"  # part of the default cookie names: Traefik 2's, 3's
    middlewares: Mapping[str, str] = {}  # labels of middlewares of all services (traefik2_middlewares.defined)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One service's labels, understood. The discovery source adds the addresses."""

    service: str  # name in the routing table; services that share it share their backends
    dialect: Dialect
    port: int  # inside the task
    network: str = ""  # name or ID of the network on which its tasks are reached, "": chosen by the source
    weight: int = 1  # of each of its backends
    cookie: CookiePolicy | None  # None: not sticky
    pass_host_header: bool = True
    drain: Drain = "leave"  # what becomes of the users of a task that is being stopped
    hold: float = -1.0  # seconds that a request waits while no task can take it; -1: the option --hold
    health: HealthCheck | None = None
    balancing: Balancing = Balancing()
    routes: tuple[Route, ...] = ()
    foreign_cookies: Written = ""  # whose cookies are honoured besides our own
    # Labels of the dialect that warnings of others name
    network_label: str
    sticky_label: str
    cookie_label: str
