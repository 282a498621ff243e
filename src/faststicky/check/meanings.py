"""What each label means where it is in force, for people. Values come parsed from the readers (labels/dialects.explain).

A text has {} where the value stands; a pair of texts is for true and false.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faststicky.check.rule_words import in_words
from faststicky.labels.traefik2_keys import shape_of
from faststicky.quantities import format_duration

_STAY = ("users stay on their task", "users are spread anew with every request")
_HTTP_ONLY = ("scripts cannot read the cookie (HttpOnly)", "scripts can read the cookie (no HttpOnly)")
_SECURE = (
    "browsers send the cookie over TLS only (Secure): without TLS in front of the proxy nobody stays",
    "the cookie is sent without TLS, too (never Secure)",
)
_ENABLE = ("the service is routed", "the service is not routed")


def _priority(value: int) -> str:
    return f"priority {value} (the highest one is tried first)" if value else "the rule's length is its priority"


def _health_port(value: int) -> str:
    return f"health checks go to port {value}" if value else "health checks go to the service's port"


def _statuses(ranges: tuple[tuple[int, int], ...]) -> str:
    shown = [str(low) if low == high else f"{low} to {high}" for low, high in ranges]
    return f"good answers of health checks: {', '.join(shown)}"


def _max_age(value: int) -> str:
    return f"the cookie lives for {format_duration(value)}" if value else "the cookie lives as long as the browser"


Meaning = str | tuple[str, str] | Callable[[Any], str]

_NATIVE: dict[str, Meaning] = {
    "enable": _ENABLE,
    "port": "requests go to port {} of each task",
    "network": "tasks are reached on network {}",
    "rule": in_words,
    "priority": _priority,
    "weight": "each task has weight {}",
    "sticky": _STAY,
    "drain": {
        "leave": "users are moved shortly before their task is stopped",
        "stay": "users keep a task that is being stopped until it has ended",
    }.__getitem__,
    "hold": "a request waits up to {} while no task can take it",
    "cookie.name": "the cookie is called {}",
    "cookie.path": "the cookie is for paths below {}",
    "cookie.domain": "the cookie is for {} and all hosts below",
    "cookie.secure": _SECURE,
    "cookie.http-only": _HTTP_ONLY,
    "cookie.same-site": "SameSite={}",
    "cookie.max-age": _max_age,
    "health.path": "the proxy asks each task for {}",
    "health.port": _health_port,
    "health.host": "health checks ask for host {}",
    "health.interval": "{} between two health checks",
    "health.timeout": "a health check may take {}",
    "health.rise": "{} successes in a row and a task is well again",
    "health.fall": "{} failures in a row and a task is left",
    "health.status": _statuses,
    "balance": "new users are spread by {}",
    "hash": lambda key: f"what is hashed: {key or 'the address of the client'}",
    "max-concurrent": lambda n: f"at most {n} requests at a time on each task, for each worker" if n else "no limit",
    "max-queued": "at most {} requests wait for a full task",
    "queue-timeout": "a request waits up to {} for a full task",
    "slow-start": "a new task comes to its full share within {}",
    "prefer": ("new users go to tasks on the proxy's own node first", "all nodes are alike"),
}
_TRAEFIK: dict[str, Meaning] = {
    "enable": _ENABLE,
    "port": _NATIVE["port"],
    "weight": _NATIVE["weight"],
    "protocol": "tasks are spoken to by {}",
    "backend": "services that say {} share their tasks",
    "domain": "host of a service without a rule: SERVICE.{}",
    "docker.network": _NATIVE["network"],
    "frontend.rule": in_words,
    "frontend.priority": _priority,
    "frontend.passHostHeader": ("tasks see the host that was asked for", "tasks see their own address as host"),
    "backend.loadbalancer.method": _NATIVE["balance"],
    "backend.loadbalancer.sticky": ("users stay, by the cookie _TRAEFIK_BACKEND", _STAY[1]),
    "backend.loadbalancer.stickiness": _STAY,
    "backend.loadbalancer.stickiness.cookieName": _NATIVE["cookie.name"],
    "backend.loadbalancer.stickiness.secure": _SECURE,
    "backend.loadbalancer.stickiness.httpOnly": _HTTP_ONLY,
    "backend.loadbalancer.stickiness.sameSite": _NATIVE["cookie.same-site"],
    "backend.healthcheck.path": _NATIVE["health.path"],
    "backend.healthcheck.port": _health_port,
    "backend.healthcheck.hostname": _NATIVE["health.host"],
    "backend.healthcheck.interval": _NATIVE["health.interval"],
    "backend.healthcheck.scheme": "health checks are made by {}",
}
_ROUTER: dict[str, Meaning] = {
    "rule": in_words,
    "priority": _priority,
    "service": "the router leads to service {}",
    "middlewares": "through {}",
}
_BALANCER: dict[str, Meaning] = {
    "server.port": _NATIVE["port"],
    "server.scheme": _TRAEFIK["protocol"],
    "server.weight": _NATIVE["weight"],
    "passhostheader": _TRAEFIK["frontend.passHostHeader"],
    "strategy": _NATIVE["balance"],
    "sticky.cookie": _STAY,
    "sticky.cookie.name": _NATIVE["cookie.name"],
    "sticky.cookie.path": _NATIVE["cookie.path"],
    "sticky.cookie.domain": _NATIVE["cookie.domain"],
    "sticky.cookie.secure": _SECURE,
    "sticky.cookie.httponly": _HTTP_ONLY,
    "sticky.cookie.samesite": _NATIVE["cookie.same-site"],
    "sticky.cookie.maxage": _max_age,
    "healthcheck.path": _NATIVE["health.path"],
    "healthcheck.port": _health_port,
    "healthcheck.hostname": _NATIVE["health.host"],
    "healthcheck.interval": _NATIVE["health.interval"],
    "healthcheck.timeout": _NATIVE["health.timeout"],
    "healthcheck.status": lambda code: f"good answers of health checks: {code or '200 to 399'}",
    "healthcheck.scheme": _TRAEFIK["backend.healthcheck.scheme"],
    "healthcheck.mode": _TRAEFIK["backend.healthcheck.scheme"],
    "healthcheck.method": "health checks are {} requests",
}
_INTERLOCK: dict[str, Meaning] = {
    "hosts": in_words,
    "port": _NATIVE["port"],
    "network": _NATIVE["network"],
    "context_root": "the path begins with {}",
    "context_root_rewrite": ("the path is rewritten", "the path stays as it is"),
    "sticky_session_cookie": "users stay on their task, by a cookie of the proxy's own; {} stays the application's",
    "ip_hash": ("new users are spread by the address of the client", "new users are spread by wrr"),
    "default_backend": ("what no other route takes comes here", "what no other route takes does not come here"),
    "ssl_passthrough": ("TLS is passed on", "tasks are spoken to by plain HTTP"),
    "ssl_backend": ("tasks are spoken to by TLS", "tasks are spoken to by plain HTTP"),
}
MEANINGS: dict[str, Meaning] = {
    **{f"com.docker.lb.{key}": meaning for key, meaning in _INTERLOCK.items()},
    "traefik.swarm.network": _NATIVE["network"],
    **{f"traefik.http.routers.*.{key}": meaning for key, meaning in _ROUTER.items()},
    "traefik.http.services.*.middlewares": _ROUTER["middlewares"],
    **{f"traefik.http.services.*.loadbalancer.{key}": meaning for key, meaning in _BALANCER.items()},
    **{f"faststicky.{key}": meaning for key, meaning in _NATIVE.items()},
    **{f"traefik.{key}": meaning for key, meaning in _TRAEFIK.items()},
}


def meaning_of(key: str, value: object) -> str:
    """key: as documented, in any case but for Traefik 1's. value: what a reader made of it."""
    meaning = MEANINGS[key] if key in MEANINGS else MEANINGS[shape_of(key)]
    if isinstance(meaning, str):
        return meaning.format(format_duration(value) if isinstance(value, float) else value)
    if isinstance(meaning, tuple):
        return meaning[0] if value else meaning[1]
    return meaning(value)
