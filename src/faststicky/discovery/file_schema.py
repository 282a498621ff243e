"""The shape of a TOML configuration file. Every key is here; any other one is an error.

[services.web]
backends = ["http://10.0.0.5:8000", { url = "http://10.0.0.6:8000", name = "b", weight = 2 }]
dns = ["tasks.web:8000"]           # names whose addresses are backends too; one of backends and dns is needed
sticky = true                      # the default
health = { path = "/health", interval = "5s", timeout = "2s", rise = 2, fall = 3, status = "200-399" }
pass_host_header = true            # the default
hold = "5s"                        # how long a request waits while no backend can take it
balancing = { balance = "least", max_concurrent = 100, max_queued = 50, queue_timeout = "5s", slow_start = "30s" }
cookie = { name = "stick", path = "/", domain = "example.com", secure = true, http_only = true,
           same_site = "lax", max_age = "8h" }

[[routes]]                         # none needed when there is only one service
rule = "Host(`example.com`) && PathPrefix(`/app`)"   # or host = "example.com" and path_prefix = "/app"
service = "web"
priority = 10                      # default: the rule's length
name = "app"                       # default: the service's name
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

Text = Annotated[str, Meta(min_length=1, max_length=8192)]
Texts = Text | Annotated[tuple[Text, ...], Meta(min_length=1)]


class BackendEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backend with more than a URL."""

    url: Text
    name: str = ""
    weight: Annotated[int, Meta(ge=1, le=65535)] = 1


class CookieEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service's cookie; see model.CookiePolicy. Checked like the labels of the same names."""

    name: str = ""
    path: str = "/"
    domain: str = ""
    secure: bool | None = None
    http_only: bool = True
    same_site: str = "lax"
    max_age: int | str = 0  # seconds, or a duration


class HealthEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Active health checks; see model.HealthCheck. Checked like the labels of the same names."""

    path: Text
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    host: str = ""
    interval: float | str = "5s"  # seconds, or a duration
    timeout: float | str = "2s"
    rise: Annotated[int, Meta(ge=1, le=100)] = 2
    fall: Annotated[int, Meta(ge=1, le=100)] = 3
    status: str = "200-399"


class BalancingEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How new sessions are spread; see model.Balancing. Checked like the labels of the same names."""

    balance: str = "wrr"
    hash: str = ""
    max_concurrent: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    max_queued: Annotated[int, Meta(ge=0, le=100_000)] = 100
    queue_timeout: float | str = "10s"  # seconds, or a duration
    slow_start: float | str = 0.0


class ServiceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service and its backends."""

    backends: Annotated[tuple[Text | BackendEntry, ...], Meta(min_length=1)] | None = None
    dns: Texts | None = None
    sticky: bool = True
    cookie: CookieEntry = CookieEntry()
    pass_host_header: bool = True
    hold: float | str = -1.0  # seconds, or a duration; -1: the option --hold
    health: HealthEntry | None = None
    balancing: BalancingEntry = BalancingEntry()


class RouteEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule and where it leads. Either `rule`, or `host` and `path_prefix` (one value or several; both must match)."""

    service: Text
    rule: str = ""
    host: Texts | None = None
    path_prefix: Texts | None = None
    priority: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 0
    name: str = ""


class FileConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. Services are converted one by one, so that an error can name the service."""

    services: Annotated[dict[str, Any], Meta(min_length=1)]
    routes: tuple[RouteEntry, ...] = ()
