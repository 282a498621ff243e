"""The two shapes that everything else is about: what was discovered, and what the relay is given.

`Snapshot` is what a discovery source returns: a complete, self-consistent picture of services, their backends
and the routes that lead to them. `TableSpec` is the same picture with the cookie keys applied (control/seal.py):
the control thread sends it to the workers, whose compiled core builds its table from it. Both are immutable; a
change is a new one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

LeavingReason = Literal["", "stopping", "node-drained", "node-down", "operator"]
"""Why a backend is draining or leaving, where that is known."""
BackendState = Literal["up", "draining", "leaving", "down"]
"""up: takes new sessions. draining: keeps its stuck users, takes no new session. leaving: its stuck users are moved
with their next request, requests in flight finish. down: takes nothing (failed its health check)."""

Drain = Literal["leave", "stay"]
"""What becomes of the stuck users of a backend that is being stopped. leave: they are moved shortly before its stop signal
(control/departure.py). stay: they are kept until it is gone."""

Outcome = Literal["task", "slot", "foreign", "previous"]
"""What a cookie value in a service's lookup stands for: the token of a task (no new cookie is needed), the token of the
slot that the backend now holds, a value that another proxy wrote, a token made with the previous key. All but the
first are answered with a new cookie."""


Balance = Literal["wrr", "least", "p2c", "random", "hash"]
"""How new sessions are spread: in turn by weight, to the least requests in flight, to the better of two drawn at random, at
random by weight, by rendezvous hashing of a key."""


class Balancing(msgspec.Struct, frozen=True, kw_only=True):
    """How new sessions are spread over a service's backends, and how much each of these takes at once."""

    balance: Balance = "wrr"
    hash_key: str = (
        ""  # for "hash": "address", "header:NAME", "query:NAME" (the address where a request has no such thing)
    )
    max_concurrent: int = 0  # requests in flight at one backend, for each worker; 0: any number
    max_queued: int = 100  # that wait for one backend; beyond: 503
    queue_timeout: float = 10.0  # seconds; then 503
    slow_start: float = 0.0  # seconds in which a new backend's weight grows to its full size
    prefer_local: bool = False  # new sessions go to backends on the proxy's own node, unless these are crowded


class CookiePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a service's stickiness cookie is written (RFC 6265, section 4.1)."""

    name: str
    path: str = "/"
    domain: str = ""
    secure: bool | None = None  # None: Secure when the client came by TLS
    http_only: bool = True
    same_site: Literal["Lax", "Strict", "None", ""] = "Lax"
    max_age: int = 0  # seconds; 0: a session cookie


class Matcher(msgspec.Struct, frozen=True):
    """One condition of a routing rule: true when any of `values` matches, inverted by `negate`.

    host: the request's host, lower case, without port. host_suffix: ".example.com" matches one or more labels before it.
    path: the path, exactly. path_prefix: the path begins with the value (a plain string prefix, as in Traefik).
    method: the request method.
    """

    kind: Literal["host", "host_suffix", "path", "path_prefix", "method"]
    values: tuple[str, ...]
    negate: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and the service that it leads to. `alternatives` is a disjunction of conjunctions of matchers."""

    name: str
    rule: str  # as it was written, for people
    service: str
    priority: int
    alternatives: tuple[tuple[Matcher, ...], ...]


class Backend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One place that answers a service's requests: a Swarm task, or a static URL."""

    id: str  # the task's ID; for a static backend its URL
    name: str  # for people: "web.3@node2", "127.0.0.1:9001"
    host: str  # IP address (a host name only for static backends)
    port: int
    weight: int = 1
    state: BackendState = "up"
    slot: str = ""  # what survives the task's replacement: "SERVICE-ID/3", "SERVICE-ID/NODE-ID", or ""
    node: str = ""
    drain: Drain = "leave"
    reason: LeavingReason = ""  # for people; changes nothing
    foreign: tuple[str, ...] = ()  # cookie values that other proxies wrote for this backend: "http://10.0.0.5:8000"
    outdated: bool = False  # the update under way is going to replace it


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How the proxy itself finds out whether a backend is well: GET http://BACKEND:port/path, without redirects.

    Times are seconds. The defaults of `rise` and `fall` are HAProxy's.
    """

    path: str
    port: int = 0  # 0: the one that takes the requests
    host: str = ""  # Host field; "": address and port
    interval: float = 5.0  # from the end of one check to the beginning of the next
    timeout: float = 2.0  # from connecting to the end of the answer's head
    rise: int = 2  # successes in a row after which one that was down is up
    fall: int = 3  # failures in a row after which one that was up is down
    status: tuple[tuple[int, int], ...] = ((200, 399),)  # ranges, both ends included


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A set of backends that answer the same requests, and how users are kept on them."""

    name: str  # "backend-whoami-service" from Traefik 1 labels, otherwise the Swarm service's name
    backends: tuple[Backend, ...]
    cookie: CookiePolicy | None = None  # None: not sticky
    balancing: Balancing = Balancing()
    pass_host_header: bool = True
    hold: float = -1.0  # seconds that a request waits while no backend can take it; -1: the option --hold
    health: HealthCheck | None = None  # None: its backends are not checked
    removed: bool = False  # its source no longer has it: it is listed until its last backend is gone


class Warning(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the source that an operator should mend: one clear line in the log, once."""

    service: str
    label: str
    value: str
    text: str  # what is wrong, and the remedy


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known of the world at one moment."""

    services: tuple[Service, ...]
    routes: tuple[Route, ...]
    source: str  # "swarm unix:///var/run/docker.sock", "file proxy.toml", "flags"
    local_node: str = ""  # ID of the node that the proxy runs on, where that is known
    cluster_id: str = ""  # the Swarm's ID; the cookie key is derived from it when there is no secret
    warnings: tuple[Warning, ...] = ()

    def same_as(self, other: Snapshot | None) -> bool:
        """True if a table built from `other` would serve exactly alike (warnings and source do not count)."""
        if other is self:
            return True
        return other is not None and (self.services, self.routes, self.cluster_id, self.local_node) == (
            other.services,
            other.routes,
            other.cluster_id,
            other.local_node,
        )


class BackendSpec(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A backend as the relay needs it."""

    id: str
    name: str
    host: str
    port: int
    weight: int
    state: BackendState
    cookie_value: str  # what the cookie of a user stuck here says
    local: bool = False  # on the proxy's own node
    outdated: bool = False  # the update under way is going to replace it: sessions go to others first
    series: int = 0  # its counters in the workers' statistics; 0: none


class ServiceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A service as the relay needs it. `lookup` maps a cookie value (or half of one) to a position in `backends`."""

    name: str
    backends: tuple[BackendSpec, ...]
    lookup: tuple[tuple[str, int, Outcome], ...]
    cookie: CookiePolicy | None
    pass_host_header: bool
    hold: float = -1.0
    balance: Balance = "wrr"
    hash_key: str = ""
    max_concurrent: int = 0
    max_queued: int = 0
    queue_timeout: float = 0.0
    slow_start: float = 0.0
    prefer_local: bool = False
    series: int = 0  # of its counters (core/_stats); 0: only the total


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs to route: one generation, one swap."""

    generation: int
    services: tuple[ServiceSpec, ...]
    routes: tuple[Route, ...]
