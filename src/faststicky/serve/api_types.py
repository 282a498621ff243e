"""The shapes of the admin API's answers. The OpenAPI description is made from them (serve/openapi.py).

Times are seconds, except where a name ends in _ms. Counts are totals since the proxy knows the service or backend.
"""

from __future__ import annotations

import msgspec

from faststicky.model import BackendState


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all of them."""


class Health(Shape, frozen=True, kw_only=True):
    status: str
    version: str


class WorkerReadiness(Shape, frozen=True, kw_only=True):
    index: int
    ready: bool
    generation: int | None


class Readiness(Shape, frozen=True, kw_only=True):
    """age: since the source last confirmed the table, null if it never did. error: of the source's last answer."""

    ready: bool
    generation: int
    age: float | None
    error: str
    workers: list[WorkerReadiness]


class Latency(Shape, frozen=True, kw_only=True):
    """Percentiles in milliseconds; null without a request."""

    p50: float | None
    p90: float | None
    p99: float | None
    p99_9: float | None = msgspec.field(name="p99.9")
    max: float | None


class Counts(Shape, frozen=True, kw_only=True):
    """rate: requests a second, lately. sessions: distinct users in the last 5 to 10 minutes, estimated."""

    requests: int
    rate: float
    errors: int  # answers 5xx
    sessions: int
    in_flight: int
    queued: int
    retries: int
    connect_errors: int
    resets: int
    ejections: int


class BackendInfo(Shape, frozen=True, kw_only=True):
    """why: for people, why it takes no new sessions; "" if it does. drained: by an operator."""

    id: str
    name: str
    host: str
    port: int
    weight: int
    state: BackendState
    why: str
    drained: bool
    slot: str
    node: str
    counts: Counts


class CookieInfo(Shape, frozen=True, kw_only=True):
    """How the cookie is set; its values are nowhere shown."""

    name: str
    path: str
    domain: str
    secure: bool | None
    http_only: bool
    same_site: str
    max_age: int


class ServiceInfo(Shape, frozen=True, kw_only=True):
    """hit_rate: of requests that came with a cookie, the part that reached the backend it names (totals).
    first_byte_ms and total_ms: of the last seconds."""

    name: str
    sticky: bool
    cookie: CookieInfo | None
    removed: bool
    counts: Counts
    answers: dict[str, int]
    failures: dict[str, int]
    bytes_in: int
    bytes_out: int
    outcomes: dict[str, int]
    hit_rate: float | None
    first_byte_ms: Latency
    total_ms: Latency
    backends: list[BackendInfo]


class Services(Shape, frozen=True, kw_only=True):
    generation: int
    services: list[ServiceInfo]


class ListedBackend(BackendInfo, frozen=True, kw_only=True):
    service: str


class Backends(Shape, frozen=True, kw_only=True):
    generation: int
    backends: list[ListedBackend]


class RouteInfo(Shape, frozen=True, kw_only=True):
    name: str
    rule: str
    service: str
    priority: int


class Routes(Shape, frozen=True, kw_only=True):
    generation: int
    routes: list[RouteInfo]


class BackendSessions(Shape, frozen=True, kw_only=True):
    id: str
    name: str
    node: str
    state: BackendState
    sessions: int
    in_flight: int


class ServiceSessions(Shape, frozen=True, kw_only=True):
    service: str
    sessions: int
    outcomes: dict[str, int]
    hit_rate: float | None
    backends: list[BackendSessions]


class Sessions(Shape, frozen=True, kw_only=True):
    services: list[ServiceSessions]


class Event(Shape, frozen=True, kw_only=True):
    """level: info, warning or error."""

    id: int
    time: str
    level: str
    service: str
    task: str
    text: str


class Events(Shape, frozen=True, kw_only=True):
    events: list[Event]


class WarningInfo(Shape, frozen=True, kw_only=True):
    service: str
    label: str
    value: str
    text: str


class Draining(Shape, frozen=True, kw_only=True):
    """What was asked for; kept: whether it survives a restart of the proxy."""

    drained: bool
    backends: list[str]
    kept: bool


class Problem(Shape, frozen=True, kw_only=True):
    error: str
