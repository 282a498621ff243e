"""The labels of Traefik 2 and 3 (3.7 pkg/config/dynamic/http_config.go, middlewares.go), and what each is to us.

A key has names of the operator's in it: `traefik.http.routers.NAME.rule`. Its shape has a "*" in their place. What becomes of a
shape: it is understood; it is ignored, since its effect is not needed here; or it is not supported, with a warning.
"""

from __future__ import annotations

import re

from faststicky.labels import traefik1
from faststicky.labels.health import TRAEFIK2_NAMES
from faststicky.labels.values import LabelReader, nearest, shown

ROUTERS, SERVICES, MIDDLEWARES = "traefik.http.routers.", "traefik.http.services.", "traefik.http.middlewares."
_BALANCER = SERVICES + "*.loadbalancer."
HEALTH = _BALANCER + "healthcheck."
COOKIE = _BALANCER + "sticky.cookie."

UNDERSTOOD = frozenset(
    {
        "traefik.enable",
        "traefik.docker.network",
        "traefik.swarm.network",
        *(f"{ROUTERS}*.{name}" for name in ("rule", "priority", "service", "middlewares")),
        *(f"{_BALANCER}{name}" for name in ("server.port", "server.scheme", "server.weight", "passhostheader", "strategy")),
        *(HEALTH + name for name in TRAEFIK2_NAMES),
        SERVICES + "*.middlewares",
        _BALANCER + "sticky.cookie",
        *(COOKIE + name for name in ("name", "secure", "httponly", "samesite", "maxage", "path", "domain")),
    }
)  # fmt: skip

_MEANT = UNDERSTOOD | {ROUTERS + "*.entrypoints"}  # by a misspelt key
_PUBLIC = ("web", "websecure", "web-secure", "http", "https")  # usual names of entry points that everybody may use

_IGNORED = (
    (r"routers\.\*\.tls(\.(?!options).+)?", "TLS ends in front of the proxy"),
    (r"routers\.\*\.rulesyntax", "rules of both versions are understood"),
    (r"routers\.\*\.observability\..+", "statistics and access lines are of all routes"),
    (r"routers\.\*\.entrypoints", "every address that the proxy listens on serves every route"),
    (r"services\.\*\.loadbalancer\.responseforwarding\..+", "answers are passed on as they come"),
    (r"services\.\*\.loadbalancer\.passivehealthcheck\..+", "tasks that fail are ejected anyway (--eject-after)"),
    (r"services\.\*\.loadbalancer\.healthcheck\.followredirects", "an answer that redirects is a good one"),
    (r"services\.\*\.loadbalancer\.sticky", "users stay by sticky.cookie and the labels below it"),
    (r"middlewares\..+", "what becomes of a middleware is told at the router that names it"),
)
_UNSUPPORTED = (
    (r"routers\.\*\.tls\.options", "TLS ends in front of the proxy; if they ask for client certificates, do that there"),
    (r"services\.\*\.loadbalancer\.server\.(url|preservepath)", "tasks are reached by address and server.port; remove it"),
    (r"services\.\*\.loadbalancer\.serverstransport", "tasks are spoken to by plain HTTP; remove it"),
    (r"services\.\*\.loadbalancer\.healthcheck\.(unhealthyinterval|headers\..+)", "not supported, ignored; remove it"),
    (r"services\.\*\.(weighted|mirroring|failover)\..+", "not supported, ignored, by Traefik in labels neither; remove it"),
    (r"serverstransports\..+", "tasks are spoken to by plain HTTP; remove it"),
)  # fmt: skip


def router_label(router: str, name: str) -> str:
    """Key of a router's label."""
    return f"{ROUTERS}{router}.{name}"


def service_label(service: str, name: str) -> str:
    """Key of a service's label."""
    return f"{SERVICES}{service}.loadbalancer.{name}"


def names(reader: LabelReader, prefix: str) -> list[str]:
    """Names of the routers, services or middlewares that have labels, in order."""
    found = (key.removeprefix(prefix).partition(".") for key in reader.names() if key.startswith(prefix))
    return sorted({name for name, dot, _ in found if name and dot})


def spelled(name: str, prefix: str, reader: LabelReader) -> str:
    """A name of `names` as it is written: keys have any case, but what Traefik derives from a name has its case."""
    key = next((key for key in reader.names() if key.startswith(f"{prefix}{name}.")), prefix + name)
    return reader.written(key)[len(prefix) :].partition(".")[0]


def shape_of(key: str) -> str:
    """The key in lower case, with "*" in place of a name."""
    folded = key.lower()
    for prefix in (ROUTERS, SERVICES):
        if folded.startswith(prefix):
            _, _, rest = folded.removeprefix(prefix).partition(".")
            return f"{prefix}*.{rest}"
    return folded


def why_ignored(key: str) -> str:
    """Why a label has no effect and need not have one; "" for all others."""
    shape = shape_of(key)
    if re.fullmatch(r"traefik\.[^.]+", shape) and not traefik1.knows(key) and not nearest(shape, UNDERSTOOD):
        return "no label of Traefik's; constraints, which may be what it is for, have no effect"
    return _text(_IGNORED, shape)


def warn_of_others(reader: LabelReader) -> None:
    """One warning for each label that has no effect and might be needed."""
    for key in reader.names():
        shape = shape_of(key)
        if shape in UNDERSTOOD:
            continue
        if shape == f"{ROUTERS}*.entrypoints":
            _warn_of_entry_points(key, reader)
        elif shape == _BALANCER + "sticky":
            _warn_of_sticky(key, reader)
        elif shape.endswith(".lbswarm"):
            reader.warn_of(key, "requests go to tasks, never to Swarm's balancer, with which no user stays; remove it")
        elif key.startswith(("traefik.tcp.", "traefik.udp.", "traefik.tls.")):
            reader.warn_of(key, "only HTTP is served; remove it, or keep it for another proxy")
        elif traefik1.knows(reader.written(key)):
            reader.warn_of(key, "a label of Traefik 1, ignored beside those of Traefik 2 and 3; remove it")
        elif text := _text(_UNSUPPORTED, shape):
            reader.warn_of(key, text)
        elif not why_ignored(key):
            guess = nearest(shape, _MEANT)
            meant = _with_name(guess, key) if guess else ""
            reader.warn_of(
                key,
                "no such label of Traefik 2 or 3, ignored" + (f"; did you mean {meant}?" if meant else "; remove it"),
            )


def _text(table: tuple[tuple[str, str], ...], shape: str) -> str:
    rest = shape.removeprefix("traefik.http.")
    return next((text for pattern, text in table if rest != shape and re.fullmatch(pattern, rest)), "")


def _with_name(shape: str, key: str) -> str:
    """A shape with the name that a key has."""
    parts = key.split(".")
    return shape.replace("*", parts[3] if len(parts) > 4 else "NAME")


def is_off(key: str, reader: LabelReader) -> bool:
    """True if a service's label "sticky" switches off all labels below it, as in Traefik."""
    return (reader.peek(key) or "true").lower() != "true"


def _warn_of_sticky(key: str, reader: LabelReader) -> None:
    cookie = any(other == f"{key}.cookie" or other.startswith(f"{key}.cookie.") for other in reader.names())
    if cookie and is_off(key, reader):
        reader.warn_of(key, f"nobody stays, since it wins over {key}.cookie; remove one of them")
    elif not cookie and not is_off(key, reader):
        reader.warn_of(key, f"nobody stays by it, in Traefik neither; write {key}.cookie=true")


def _warn_of_entry_points(key: str, reader: LabelReader) -> None:
    for name in (reader.text(key) or "").split(","):
        if name.strip().lower() not in _PUBLIC:
            text = f"entry point {shown(name.strip())} is not known: every address that the proxy listens on serves every route; "
            reader.warn_of(key, f"{text}if only some people could reach it, take the service off the proxy")
            return
