"""Labels of Traefik 2 and 3 in Swarm mode (2.11 and 3.7, pkg/config/dynamic and pkg/provider/docker), keys in any case.

What differs from Traefik, and why:

- The cookie is HttpOnly and SameSite=Lax, and Secure when the client came by TLS, unless a label says otherwise.
- A service of the Swarm has one service of Traefik's; Traefik lets it have several.
- Middlewares have no effect, see traefik2_middlewares.py.
- A label that nobody knows is warned of; Traefik skips the whole service for it.
- Rules of both versions are understood side by side.
"""

from __future__ import annotations

from collections.abc import Iterable

from faststicky.errors import LabelError
from faststicky.labels import cookies, health, traefik2_middlewares, traefik2_routers
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.labels.traefik import normalize, of_later, refuse_other_protocols, weight
from faststicky.labels.traefik2_keys import ROUTERS, SERVICES, is_off, names, service_label, spelled, warn_of_others
from faststicky.labels.values import LabelReader, boolean, port, shown
from faststicky.model import Balance, Balancing, CookiePolicy

_STRATEGIES: dict[str, Balance] = {"wrr": "wrr", "p2c": "p2c", "leasttime": "least", "hrw": "hash"}


def applies(labels: Iterable[str]) -> bool:
    """True if any label says what is served, in the way of Traefik 2 and 3."""
    return any(key.lower().startswith(("traefik.http.", "traefik.tcp.", "traefik.udp.")) for key in of_later(labels))


def read(service: str, defaults: LabelDefaults, reader: LabelReader) -> Reading | None:
    """What these labels say of a service; None when it is not exposed, or no router is left. Raises LabelError when it must
    be left out.

    reader: holds the labels of Traefik, folded; keeps the warnings.
    """
    if not reader.optional("traefik.enable", boolean, defaults.exposed_by_default):
        return None
    warn_of_others(reader)
    if not any(key.startswith("traefik.http.") for key in reader.names()):
        return None
    defined = names(reader, SERVICES)
    name = _chosen(normalize(service).lower(), defined, reader) if defined else normalize(service)
    prefix, spelled_name = service_label(name, ""), spelled(name, SERVICES, reader)
    refuse_other_protocols(prefix + "server.scheme", reader)
    _refuse_middlewares(f"{SERVICES}{name}.middlewares", defaults, reader)
    add = f"add the port on which the application listens: {prefix}server.port=8000"
    reading = Reading(
        service=f"{spelled_name}@{defaults.traefik_provider}",
        dialect="traefik2",
        port=reader.required(prefix + "server.port", port, add),
        network=_network(reader) or defaults.network,
        weight=reader.optional(prefix + "server.weight", weight, 1),
        cookie=_cookie(spelled_name, prefix + "sticky", defaults, reader),
        pass_host_header=reader.optional(prefix + "passhostheader", boolean, True),
        health=health.read_traefik2(prefix + "healthcheck.", reader),
        balancing=Balancing(balance=reader.optional(prefix + "strategy", _strategy, "wrr")),
        foreign_cookies="traefik2",
        network_label=_network_label(defaults, reader),
        sticky_label=prefix + "sticky.cookie",
        cookie_label=prefix + "sticky.cookie.name",
        routes=traefik2_routers.read(service, name, defined, defaults, reader),
    )
    return reading if reading.routes else None


def _chosen(service: str, defined: list[str], reader: LabelReader) -> str:
    """Of several services the one that a router leads to, and is called like the Swarm's; the others are warned of."""
    wanted = [traefik2_routers.target(router, reader) for router in names(reader, ROUTERS)]
    likely = [one for one in wanted if one in defined] or defined
    name = next((one for one in likely if f"-{service}".endswith(f"-{one}")), likely[0])
    for other in defined:
        if other != name:
            key = next(key for key in reader.names() if key.startswith(f"{SERVICES}{other}."))
            text = f"only one port of a service is served, that of {name}; remove {other}, or keep it for another proxy"
            reader.warn_of(key, text)
    return name


def _network(reader: LabelReader) -> str:
    later, earlier = reader.text("traefik.swarm.network"), reader.text("traefik.docker.network")
    if later and earlier:
        reader.warn_of("traefik.docker.network", "traefik.swarm.network is there too, and wins; remove one of them")
    return later or earlier or ""


def _network_label(defaults: LabelDefaults, reader: LabelReader) -> str:
    written = [key for key in ("traefik.swarm.network", "traefik.docker.network") if reader.peek(key)]
    return reader.written(written[0]) if written else f"traefik.{defaults.traefik_provider}.network"


def _cookie(name: str, sticky: str, defaults: LabelDefaults, reader: LabelReader) -> CookiePolicy | None:
    key = sticky + ".cookie"
    if is_off(sticky, reader):
        return None
    implied = reader.peek(key) is None and any(other.startswith(key + ".") for other in reader.names())
    if not reader.optional(key, boolean, implied, "the service is not sticky"):
        return None
    default = cookies.traefik_default_name(f"{name}@{defaults.traefik_provider}")
    return cookies.read_policy(cookies.traefik_name(key + ".name", default, reader), key, "", reader)


def _strategy(text: str) -> Balance:
    found = _STRATEGIES.get(text.lower())
    if found is None:
        raise LabelError(f"{shown(text)} is no strategy", remedy=f"write one of {', '.join(_STRATEGIES)}")
    return found


def _refuse_middlewares(key: str, defaults: LabelDefaults, reader: LabelReader) -> None:
    found = traefik2_middlewares.of_label(key, reader, defaults.middlewares)
    if traefik2_middlewares.refused(found, key, reader, "the service is not routed"):
        raise LabelError("a middleware is not supported", where=key, remedy="see the warning about it")
