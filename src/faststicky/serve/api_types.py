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
    """rate: requests a second, lately. sessions: distinct users in the last 5 to 10 minutes, estimated. ejected: of a backend, how
    many workers send it nothing for the moment, since its requests failed."""

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
    ejected: int


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
    """outcomes: what became of the cookies, as in the statistics lines (docs/operating.md).
    hit_rate: of requests that came with a cookie, the part that reached the backend it names (totals).
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


class TableBackend(Shape, frozen=True, kw_only=True):
    """slot: what a cookie names beside the task, "" if the source knows none."""

    id: str
    name: str
    host: str
    port: int
    weight: int
    state: BackendState
    slot: str
    node: str


class TableService(Shape, frozen=True, kw_only=True):
    name: str
    sticky: bool
    cookie: CookieInfo | None
    balance: str
    pass_host_header: bool
    backends: list[TableBackend]


class TableHead(Shape, frozen=True, kw_only=True):
    """What a table is about. age and error: as in Readiness. source: where backends come from, "" before the first table."""

    version: str
    listen: list[str]
    ready: bool
    generation: int
    age: float | None
    error: str
    source: str
    routes: list[RouteInfo]
    warnings: list[WarningInfo]


class Table(TableHead, frozen=True, kw_only=True):
    services: list[TableService]


class Counted(Shape, frozen=True, kw_only=True):
    """counters: since the start, by name. live: what there is at this moment, by name."""

    counters: dict[str, int]
    live: dict[str, int]


class WorkerStats(Counted, frozen=True, kw_only=True):
    index: int
    pid: int
    uptime: float
    ready: bool
    generation: int | None


class Stats(Shape, frozen=True, kw_only=True):
    """total: of all workers, those that are gone included. restarts: how many workers were replaced. lost_lines: access and
    statistics lines that could not be written in time."""

    uptime: float
    restarts: int
    lost_lines: int
    total: Counted
    workers: list[WorkerStats]


Point = tuple[float, float, float | None, float | None]
"""Requests a second, 5xx a second, p50 and p99 of the time to first byte in milliseconds."""
Row = tuple[float, float, float, float, float, float, float, float, float, float]
"""Of a backend: requests, requests a second, 5xx, sessions, in flight, queued, ejections, ejected, connect_errors, resets."""


class LiveState(TableHead, frozen=True, kw_only=True):
    """Message `state` of /api/live: at first, and whenever it changes."""

    uptime: float
    node: str
    services: list[ServiceInfo]


class LiveHistory(Shape, frozen=True, kw_only=True):
    """Message `history`: the last minutes, a point every `pulse` seconds, by service ("": all traffic), oldest first.
    A point is requests a second, 5xx a second, p50 and p99 of the time to first byte in milliseconds."""

    pulse: float
    points: dict[str, list[Point]]


class LiveService(Shape, frozen=True, kw_only=True):
    """backends, by ID: requests, requests a second, 5xx, sessions, in flight, queued, ejections, ejected, connect_errors,
    resets (as in Counts); after the first message only of those whose numbers have changed."""

    counts: Counts
    hit_rate: float | None
    outcomes: dict[str, int]
    failures: dict[str, int]
    first_byte_ms: Latency
    total_ms: Latency
    backends: dict[str, Row]


class LiveNumbers(Shape, frozen=True, kw_only=True):
    """Message `numbers`: every two seconds. points: the newest, as in `history`. rate and errors: requests and 5xx a second, in the
    same seconds as those of services and backends."""

    points: dict[str, Point]
    rate: float
    errors: float
    services: dict[str, LiveService]
    sessions: int
    connections: int
    in_flight: int
    uptime: float
    readiness: Readiness


class Draining(Shape, frozen=True, kw_only=True):
    """What was asked for; kept: whether it survives a restart of the proxy."""

    drained: bool
    backends: list[str]
    kept: bool


class Problem(Shape, frozen=True, kw_only=True):
    error: str
