"""faststicky's own labels. Keys in any case; every key is `faststicky.` and one of `KEYS`.

enable        true or false; any faststicky label counts as true
port          port inside the task; needed
network       name or ID of the overlay network on which tasks are reached; default: one that the proxy shares
rule          what is routed here, see labels/rules.py; needed
priority      higher first; default: the rule's length
weight        1 to 65535, default 1
sticky        default true
drain         leave (default) or stay: whether users leave a task that is being stopped before its stop signal
hold          how long a request waits while no task can take it (5s); default: the option --hold
health.*      active health checks, see labels/health.py
balance, hash, max-concurrent, max-queued, queue-timeout, slow-start, prefer: see labels/balancing.py
cookie.*      name, path, domain, secure, http-only (httponly), same-site (samesite), max-age (10s, 1h, seconds)

enable, drain, hold, health.* and the labels of balancing say nothing about where requests go: a service with the labels of another
dialect may have these as well, and its health checks are then ours (`read_beside`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from faststicky.errors import LabelError
from faststicky.labels import balancing, cookies, health
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.labels.rules import parse_expression
from faststicky.labels.values import LabelReader, boolean, integer, nearest, port, shown
from faststicky.model import CookiePolicy, Drain, Route

PREFIX = "faststicky."
_SPELLINGS = {
    "cookie.httponly": "cookie.http-only",
    "cookie.samesite": "cookie.same-site",
    "cookie.maxage": "cookie.max-age",
}
KEYS = frozenset(
    {
        "enable",
        "port",
        "network",
        "rule",
        "priority",
        "weight",
        "sticky",
        "drain",
        "hold",
        "cookie.name",
        "cookie.path",
        "cookie.domain",
        "cookie.secure",
        "cookie.http-only",
        "cookie.same-site",
        "cookie.max-age",
        *health.NATIVE_KEYS,
        *balancing.NATIVE_KEYS,
    }
)
BESIDE = frozenset(PREFIX + key for key in ("enable", "drain", "hold", *health.NATIVE_KEYS, *balancing.NATIVE_KEYS))


def applies(labels: Iterable[str]) -> bool:
    """True if any label is faststicky's own."""
    return any(key.lower().startswith(PREFIX) for key in labels)


def only_beside(labels: Iterable[str]) -> bool:
    """True if none of faststicky's own labels is more than an addition to another dialect's."""
    return all(key.lower() in BESIDE for key in labels if key.lower().startswith(PREFIX))


def labels_of(labels: Mapping[str, str]) -> dict[str, str]:
    """The native labels alone, other spellings of a key replaced by the documented one unless both are there."""
    return {documented(key, labels): value for key, value in labels.items() if key.lower().startswith(PREFIX)}


def documented(key: str, labels: Iterable[str]) -> str:
    """The documented spelling of a native key that has another one, unless that is among `labels`, too; else `key`."""
    spelled = PREFIX + _SPELLINGS.get(key.lower().removeprefix(PREFIX), "")
    return key if spelled == PREFIX or spelled in {other.lower() for other in labels} else spelled


def read(service: str, defaults: LabelDefaults, reader: LabelReader) -> Reading | None:
    """What native labels say of a service; None when it is not exposed. Raises LabelError when it must be left out.

    reader: holds `labels_of(labels)`, folded; keeps the warnings.
    """
    _warn_of_unknown(reader)
    if not reader.optional(PREFIX + "enable", boolean, True):
        return None
    number = reader.required(
        PREFIX + "port", port, "add the port on which the application listens: faststicky.port=8000"
    )
    missing = "say what to route here, for everything: faststicky.rule=PathPrefix(`/`)"
    alternatives = reader.required(PREFIX + "rule", parse_expression, missing)
    rule = reader.text(PREFIX + "rule") or ""
    priority = reader.optional(PREFIX + "priority", integer(0, 1_000_000_000), 0, "the rule's length is used")
    sticky = reader.optional(PREFIX + "sticky", boolean, True)
    return Reading(
        service=service,
        dialect="native",
        port=number,
        network=reader.text(PREFIX + "network") or defaults.network,
        weight=reader.optional(PREFIX + "weight", integer(1, 65535), 1),
        cookie=_cookie(service, reader) if sticky else None,
        drain=_read_drain(reader),
        hold=_read_hold(reader),
        health=health.read_native(reader),
        balancing=balancing.read_native(reader),
        network_label=PREFIX + "network",
        sticky_label=PREFIX + "sticky",
        cookie_label=PREFIX + "cookie.name",
        routes=(
            Route(name=service, rule=rule, service=service, priority=priority or len(rule), alternatives=alternatives),
        ),
    )


def enabled(reader: LabelReader) -> bool | None:
    """What `enable` says beside another dialect's labels, None for nothing."""
    return reader.optional(PREFIX + "enable", boolean, None, "the other labels say whether the service is routed")


def read_beside(reading: Reading, reader: LabelReader) -> Reading:
    """What another dialect's labels say, and our own that stand beside them (`BESIDE`)."""
    return msgspec.structs.replace(
        reading,
        drain=_read_drain(reader),
        hold=_read_hold(reader),
        health=health.read_native(reader) or reading.health,
        balancing=balancing.read_native(reader, reading.balancing),
    )


def _read_drain(reader: LabelReader) -> Drain:
    default: Drain = "leave"
    return reader.optional(PREFIX + "drain", _drain, default)


def _drain(text: str) -> Drain:
    word = text.lower()
    if word == "leave":
        return "leave"
    if word == "stay":
        return "stay"
    raise LabelError(
        f"{shown(text)} is neither leave nor stay",
        remedy="write stay if users shall keep a task until it ends, leave if they shall be moved before",
    )


def _read_hold(reader: LabelReader) -> float:
    return reader.optional(PREFIX + "hold", balancing.hold, -1.0, "the option --hold is used")


def _cookie(service: str, reader: LabelReader) -> CookiePolicy:
    key = PREFIX + "cookie"
    name = reader.optional(f"{key}.name", cookies.cookie_name, cookies.native_default_name(service))
    return cookies.read_policy(name, key, "-", reader)


def _warn_of_unknown(reader: LabelReader) -> None:
    for key in reader.names():
        name = key.removeprefix(PREFIX)
        if name in KEYS:
            continue
        if name in _SPELLINGS:
            reader.warn_of(key, f"the same label as {PREFIX}{_SPELLINGS[name]}, which is used; remove one of them")
            continue
        guess = nearest(name, KEYS)
        reader.warn_of(
            key, "no such label, ignored; " + (f"did you mean {PREFIX}{guess}?" if guess else "see the list of labels")
        )
