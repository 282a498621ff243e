"""Services that share a cookie's name where a browser sends the cookie to both: each takes the users of the other away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from faststicky.labels.reading import Reading
from faststicky.labels.rules import hosts
from faststicky.model import CookiePolicy, Route, Warning


def of_readings(readings: Mapping[str, Reading]) -> list[Warning]:
    """readings: of the services that are routed, by their names, in order. Services with one backend are one."""
    sticky = [(name, reading, reading.cookie) for name, reading in readings.items() if reading.cookie is not None]
    found = []
    for at, (name, reading, cookie) in enumerate(sticky):
        for other, its, its_cookie in sticky[:at]:
            if (
                its.service != reading.service
                and _both_get_it(cookie, its_cookie)
                and _meet(reading.routes, its.routes)
            ):
                text = f"the same cookie as of service {other}, on a host of both: each takes the other's users away; "
                text += "name it differently"
                found.append(Warning(service=name, label=reading.cookie_label, value=cookie.name, text=text))
                break
    return found


def _both_get_it(one: CookiePolicy, other: CookiePolicy) -> bool:
    return one.name == other.name and (one.path.startswith(other.path) or other.path.startswith(one.path))


def _meet(some: Sequence[Route], others: Sequence[Route]) -> bool:
    """True if a host may lead to both. Patterns such as *.example.com count as any host."""
    one, other = _hosts(some), _hosts(others)
    return one is None or other is None or bool(one & other)


def _hosts(routes: Sequence[Route]) -> set[str] | None:
    """The hosts that the routes are for, None for any."""
    return hosts(tuple(every for route in routes for every in route.alternatives))
