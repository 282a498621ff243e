"""Label by label: understood, ignored, or suspicious."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from faststicky.check.declared import Declared
from faststicky.check.meanings import meaning_of
from faststicky.check.report import CheckedService, Label
from faststicky.labels import interlock, native, traefik1, traefik2, traefik2_keys
from faststicky.labels.dialects import Explanation
from faststicky.labels.traefik import of_later
from faststicky.model import Warning

_HEALTH = ("faststicky.health.", "traefik.backend.healthcheck.")
_STICKINESS, _LEGACY = "traefik.backend.loadbalancer.stickiness", "traefik.backend.loadbalancer.sticky"
_WINNERS = {
    "native": "faststicky labels",
    "traefik1": "labels of Traefik 1",
    "traefik2": "labels of Traefik 2 and 3",
}
_COOKIE = ("faststicky.cookie.", f"{_STICKINESS}.")


def concerns_a_proxy(key: str) -> bool:
    """True for labels of faststicky, of any Traefik and of Interlock."""
    return key.lower().startswith((native.PREFIX, "traefik.", interlock.PREFIX))


def of_service(
    declared: Declared, explained: Explanation, warnings: Sequence[Warning], members: Mapping[str, Sequence[str]]
) -> CheckedService | None:
    """warnings: all that is wrong with it; members: as discovery/pool.py tells them. None if it has nothing to do with a
    proxy."""
    keys = sorted((key for key in declared.labels if concerns_a_proxy(key)), key=str.lower)
    if not keys and not warnings:
        return None
    spelled = {key: native.documented(key, keys) for key in keys}
    reading = explained.reading
    routed = reading if reading and declared.name in members.get(reading.service, ()) else None
    return CheckedService(
        name=declared.name,
        dialect=routed.dialect if routed else None,
        backend=routed.service if routed else None,
        tasks=declared.tasks,
        labels=tuple(_label(key, spelled[key], declared, explained, warnings) for key in keys),
        warnings=tuple(warning for warning in warnings if warning.label not in {*keys, *spelled.values()}),
    )


def _label(key: str, spelled: str, declared: Declared, explained: Explanation, warnings: Sequence[Warning]) -> Label:
    value = declared.labels[key]
    if texts := [warning.text for warning in warnings if warning.label in (key, spelled)]:
        return Label(key=key, value=value, verdict="suspicious", texts=tuple(dict.fromkeys(texts)))
    why = _why_ignored(spelled, declared.labels, explained)
    if why:
        return Label(key=key, value=value, verdict="ignored", texts=(why,))
    return Label(key=key, value=value, verdict="understood", texts=(meaning_of(spelled, explained.values[spelled]),))


def _why_ignored(key: str, labels: Mapping[str, str], explained: Explanation) -> str:
    """ "" if it is in force."""
    reading = explained.reading
    if (reading is None or reading.dialect == "traefik2") and (why := traefik2_keys.why_ignored(key)):
        return why
    if (reading is None or reading.dialect == "interlock") and (why := interlock.why_ignored(key)):
        return why
    if key in explained.values:
        if reading is None and key.lower().endswith(".enable") and explained.values[key] is True:
            return _why_not_asked_for(key, explained)  # it says that the service is routed, and the service is not
        if reading is None or reading.dialect == "native":
            return ""
        if _of_health(key) and any(other.lower() == "faststicky.health.path" for other in labels):
            return "faststicky.health.path is there too, and wins"
        if key == "traefik.domain" and "traefik.frontend.rule" in labels:
            return "the service has a rule"
        if key == _LEGACY and explained.values.get(_STICKINESS) is True:
            return f"{_STICKINESS} is there too, and wins"
        return ""
    return _of_whom(key, explained) or _why_not_asked_for(key, explained)


def _of_health(key: str) -> bool:
    return key.startswith(_HEALTH) or traefik2_keys.shape_of(key).startswith(traefik2_keys.HEALTH)


def _of_whom(key: str, explained: Explanation) -> str:
    """Why nobody asks for labels of other products, or for those that others win over."""
    dialect = explained.reading.dialect if explained.reading is not None else None
    if key.lower().startswith(interlock.PREFIX) and dialect in _WINNERS:
        return f"the service has {_WINNERS[dialect]}, which win"
    if not key.lower().startswith("traefik."):
        return ""
    if dialect == "native" or (dialect == "traefik1" and of_later([key])):
        return f"the service has {_WINNERS[dialect]}, which win"
    if dialect == "traefik1" and not key.startswith("traefik."):
        return "Traefik 1 reads keys in lower case only"
    return ""


def _why_not_asked_for(key: str, explained: Explanation) -> str:
    reading = explained.reading
    if reading is None:
        for name in ("faststicky.enable", "traefik.enable"):
            if any(found.lower() == name and value is False for found, value in explained.values.items()):
                return f"{name} says that the service is not routed"
        if explained.warnings:
            return "the service is not routed, since something else is wrong with it"
        applies = any(dialect.applies([key]) for dialect in (traefik1, traefik2, interlock))
        what = "enables it" if applies else "says what to route to it"
        return f"the service is not routed, since nothing {what}"
    if key.lower().startswith(traefik2_keys.ROUTERS):
        return "its router is left out"
    if _of_health(key):
        return "there are no health checks"
    if key.lower().startswith(_COOKIE) or traefik2_keys.shape_of(key).startswith(traefik2_keys.COOKIE):
        return "the service is not sticky"
    return "it has no effect beside the others"
