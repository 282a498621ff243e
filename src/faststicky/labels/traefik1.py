"""Labels of Traefik 1.7 in Swarm mode (its provider/label/names.go and provider/docker/config.go), keys case-sensitive.

What differs from Traefik 1.7, and why:

- The cookie is HttpOnly and SameSite=Lax, and Secure when the client came by TLS, unless a label says otherwise.
  Traefik sets none of them; but no application reads a proxy's cookie, and a page's own requests and links that lead to
  it send a Lax cookie. `stickiness.httpOnly=false` and `stickiness.secure=false` switch the two off.
- Truth values are read as everywhere in faststicky (also yes/no, on/off), not only as Go's ParseBool reads them.
- `traefik.weight=0` counts as 1, as in Traefik without AllowMinWeightZero, with a warning.
- `Host:*.example.com` is understood, in place of HostRegexp.
- A service whose application speaks TLS (traefik.protocol=https) is left out: plain HTTP would only be refused there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from faststicky.errors import LabelError
from faststicky.labels import cookies, health
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.labels.rules import parse_traefik1
from faststicky.labels.traefik import normalize, of_later, refuse_other_protocols, weight
from faststicky.labels.values import LabelReader, boolean, integer, nearest, port, shown
from faststicky.model import CookiePolicy, Route

_BALANCER = "traefik.backend.loadbalancer."
_STICKINESS = _BALANCER + "stickiness"

KNOWN = frozenset(
    {
        "traefik.enable",
        "traefik.port",
        "traefik.weight",
        "traefik.protocol",
        "traefik.backend",
        "traefik.domain",
        "traefik.docker.network",
        "traefik.frontend.rule",
        "traefik.frontend.priority",
        "traefik.frontend.passHostHeader",
        _BALANCER + "method",
        _BALANCER + "sticky",
        _STICKINESS,
        _STICKINESS + ".cookieName",
        _STICKINESS + ".secure",
        _STICKINESS + ".httpOnly",
        _STICKINESS + ".sameSite",
        *health.TRAEFIK1_KEYS,
    }
)

_IGNORED = re.compile(
    r"traefik\.(tags|portIndex|portName)"
    r"|traefik\.frontend\.(entryPoints|passTLSCert|whitelistSourceRange)"
    r"|traefik\.frontend\.(passTLSClientCert|auth|errors|rateLimit|redirect|whiteList|headers)\..+"
    r"|traefik\.backend\.loadbalancer\.swarm"
    r"|traefik\.backend\.(healthcheck|maxconn|circuitbreaker|buffering|responseForwarding)\..+"
)
_SEGMENT = re.compile(
    r"traefik\.(?!frontend\.|backend\.|docker\.)(?P<name>.+?)\.(port|portIndex|portName|weight|protocol|backend|frontend\..+)"
)
_SHARED = frozenset({"traefik.enable", "traefik.docker.network"})  # of both Traefik 1 and later ones


def applies(labels: Iterable[str]) -> bool:
    """True if any label belongs to Traefik 1 rather than to a later one or to somebody else."""
    later = set(of_later(labels))
    return any(key.startswith("traefik.") and key not in _SHARED and key not in later for key in labels)


def knows(key: str) -> bool:
    """True for a label that Traefik 1 has, understood or not."""
    return key in KNOWN - _SHARED or bool(_IGNORED.fullmatch(key))


def is_complete(labels: Mapping[str, str], defaults: LabelDefaults) -> bool:
    """True if they say a port and what is routed to it."""
    rule = defaults.domain or "traefik.frontend.rule" in labels or "traefik.domain" in labels
    return "traefik.port" in labels and bool(rule)


def read(service: str, defaults: LabelDefaults, reader: LabelReader) -> Reading | None:
    """What Traefik 1 labels say of a service; None when it is not exposed. Raises LabelError when it must be left out.

    Warnings are kept in `reader`, which holds the labels.
    """
    if not reader.optional("traefik.enable", boolean, defaults.exposed_by_default):
        return None
    _warn_of_others(reader)
    backend = "backend-" + normalize(reader.text("traefik.backend") or service)
    refuse_other_protocols("traefik.protocol", reader)
    number = reader.required("traefik.port", port, "add the port on which the application listens: traefik.port=8000")
    reader.optional(_BALANCER + "method", _method, "wrr")
    return Reading(
        service=backend,
        dialect="traefik1",
        port=number,
        network=reader.text("traefik.docker.network") or defaults.network,
        weight=reader.optional("traefik.weight", weight, 1),
        cookie=_cookie(backend, reader),
        pass_host_header=reader.optional("traefik.frontend.passHostHeader", boolean, True),
        health=health.read_traefik1(reader),
        routes=(_route(service, backend, defaults, reader),),
        foreign_cookies="traefik1",
        network_label="traefik.docker.network",
        sticky_label=_STICKINESS,
        cookie_label=_STICKINESS + ".cookieName",
    )


def _route(service: str, backend: str, defaults: LabelDefaults, reader: LabelReader) -> Route:
    domain = reader.text("traefik.domain") or defaults.domain
    rule = reader.text("traefik.frontend.rule")
    if rule is None and domain:
        rule = f"Host:{re.sub('[/_]', '-', service)}.{domain}"
        alternatives = parse_traefik1(rule)
    else:
        alternatives = reader.required(
            "traefik.frontend.rule", parse_traefik1, "say what to route here: traefik.frontend.rule=PathPrefix:/"
        )
        rule = rule or ""
    priority = reader.optional("traefik.frontend.priority", integer(0, 1_000_000_000), 0, "the rule's length is used")
    return Route(
        name="frontend-" + normalize(rule + "-0"),
        rule=rule,
        service=backend,
        priority=priority or len(rule),
        alternatives=alternatives,
    )


def _cookie(backend: str, reader: LabelReader) -> CookiePolicy | None:
    sticky = reader.optional(_STICKINESS, boolean, False, "the service is not sticky")
    legacy = reader.optional(_BALANCER + "sticky", boolean, False, "it counts as false")
    if not sticky:
        details = [key for key in reader.names() if key.startswith(_STICKINESS + ".")]
        if details and reader.text(_STICKINESS) is None:
            reader.warn_of(details[0], f"it has no effect without {_STICKINESS}=true; add that label")
        if legacy:
            text = f"deprecated, and one cookie name for all services; write {_STICKINESS}=true"
            reader.warn_of(_BALANCER + "sticky", text)
        return CookiePolicy(name="_TRAEFIK_BACKEND") if legacy else None
    policy = CookiePolicy(
        name=cookies.traefik_name(_STICKINESS + ".cookieName", cookies.traefik_default_name(backend), reader),
        secure=reader.optional(_STICKINESS + ".secure", boolean, None, "Secure is set when the client came by TLS"),
        http_only=reader.optional(_STICKINESS + ".httpOnly", boolean, True),
        same_site=reader.optional(_STICKINESS + ".sameSite", cookies.same_site, "Lax"),
    )
    cookies.warn_if_browsers_refuse(policy, reader, _STICKINESS + ".sameSite")
    return policy


def _method(text: str) -> str:
    if text.lower() != "wrr":
        raise LabelError(
            f"{shown(text)} is not a balancing method here", remedy="write wrr (weighted round robin) or remove it"
        )
    return "wrr"


def _warn_of_others(reader: LabelReader) -> None:
    """One warning for each label that has no effect."""
    later = set(of_later(reader.names()))
    for key in reader.names():
        if not key.startswith("traefik.") or key in KNOWN or key in later:
            continue
        if _IGNORED.fullmatch(key):
            reader.warn_of(key, "not supported, ignored; remove it or keep what it does in the application")
        elif segment := _SEGMENT.fullmatch(key):
            remedy = f"make {segment['name']} a service of its own or use the plain labels"
            reader.warn_of(key, f"segments are not supported, ignored; {remedy}")
        else:
            guess = _nearest_key(key)
            reader.warn_of(
                key, "no such label of Traefik 1.7, ignored" + (f"; did you mean {guess}?" if guess else "; remove it")
            )


def _nearest_key(key: str) -> str:
    """Known key that differs in case only, else the one most alike."""
    folded = {known.lower(): known for known in KNOWN}
    guess = folded.get(key.lower()) or folded.get(nearest(key.lower(), folded))
    return guess or ""
