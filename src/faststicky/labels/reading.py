"""What the labels of one service say, whichever dialect they are written in."""

from __future__ import annotations

from typing import Literal

import msgspec

from faststicky.model import Balancing, CookiePolicy, Drain, HealthCheck, Route


class LabelDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """What applies where a label is missing: Traefik's provider options of the same names."""

    exposed_by_default: bool = True  # False: only services with traefik.enable=true or faststicky.enable=true
    network: str = ""  # name or ID of the overlay network on which tasks are reached
    domain: str = ""  # a Traefik 1 service without a rule gets Host:SERVICE.DOMAIN


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One service's labels, understood. The discovery source adds the addresses."""

    service: str  # name in the routing table; services that share it share their backends
    dialect: Literal["native", "traefik1"]
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
    raw_url_cookies: bool = False  # accept "http://IP:PORT" as a cookie value, as Traefik 1 writes it
