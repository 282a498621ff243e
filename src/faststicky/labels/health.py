"""Active health checks, as labels and configuration files say them (model.HealthCheck).

faststicky.health.*            path (switches it on), port, host, interval, timeout, rise, fall, status (200-399,404)
traefik.backend.healthcheck.*  path (switches it on), port, hostname, interval, scheme (http only)
traefik.http.services.*.loadbalancer.healthcheck.*  the same, and timeout, status, method (GET only), mode (http only)

Traefik's checks have its own numbers: an interval of 30 s, a timeout of 5 s, and one answer decides.
"""

from __future__ import annotations

import re

import msgspec

from faststicky.errors import LabelError
from faststicky.labels.values import LabelReader, duration, integer, port, shown
from faststicky.model import HealthCheck

NATIVE = "faststicky.health."
NATIVE_KEYS = tuple(
    "health." + name for name in ("path", "port", "host", "interval", "timeout", "rise", "fall", "status")
)
_NATIVE = tuple("faststicky." + key for key in NATIVE_KEYS)
TRAEFIK1 = "traefik.backend.healthcheck."
TRAEFIK2_NAMES = ("path", "port", "hostname", "interval", "timeout", "status", "scheme", "mode", "method")
TRAEFIK1_KEYS = tuple(TRAEFIK1 + name for name in ("path", "port", "hostname", "interval", "scheme"))

_TRAEFIK_INTERVAL, _TRAEFIK_TIMEOUT = 30.0, 5.0  # seconds
_PATH = re.compile(r"/[!-~]*")
_HOST = re.compile(r"[A-Za-z0-9_.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_RANGE = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
_DEFAULT = HealthCheck(path="/")


def read_native(reader: LabelReader) -> HealthCheck | None:
    """What faststicky's labels say of health; None without a path, or with a wrong one."""
    found = reader.optional(NATIVE + "path", path, "", "there are no health checks")
    if not found:
        _warn_without_path(reader, NATIVE, _NATIVE)
        return None
    return HealthCheck(
        path=found,
        port=reader.optional(NATIVE + "port", port, 0, "the service's port is used"),
        host=reader.optional(NATIVE + "host", host, "", "address and port are used"),
        interval=reader.optional(NATIVE + "interval", interval, _DEFAULT.interval),
        timeout=reader.optional(NATIVE + "timeout", timeout, _DEFAULT.timeout),
        rise=reader.optional(NATIVE + "rise", count, _DEFAULT.rise),
        fall=reader.optional(NATIVE + "fall", count, _DEFAULT.fall),
        status=reader.optional(NATIVE + "status", status, _DEFAULT.status, "200-399 is used"),
    )


def read_traefik1(reader: LabelReader) -> HealthCheck | None:
    """What Traefik 1's labels say of health; None without a path, or if the check would need TLS."""
    return _read_traefik(TRAEFIK1, TRAEFIK1_KEYS, (("scheme", "http"),), reader)


def read_traefik2(prefix: str, reader: LabelReader) -> HealthCheck | None:
    """What Traefik 2's and 3's labels say of health; None without a path, or if it were no plain GET.

    prefix: of the keys, up to the dot behind "healthcheck".
    """
    keys = tuple(prefix + name for name in TRAEFIK2_NAMES)
    found = _read_traefik(prefix, keys, (("scheme", "http"), ("mode", "http"), ("method", "get")), reader)
    if found is None:
        return None
    good = reader.optional(prefix + "status", integer(100, 599), 0, "200 to 399 are good")
    return msgspec.structs.replace(
        found,
        timeout=reader.optional(prefix + "timeout", timeout, _TRAEFIK_TIMEOUT),
        status=((good, good),) if good else found.status,
    )


def _read_traefik(
    prefix: str, keys: tuple[str, ...], only: tuple[tuple[str, str], ...], reader: LabelReader
) -> HealthCheck | None:
    """only: labels that may have one value alone."""
    found = reader.optional(prefix + "path", path, "", "there are no health checks")
    if not found:
        _warn_without_path(reader, prefix, keys)
        return None
    for name, word in only:
        if (reader.text(prefix + name) or word).lower() != word:
            text = f"only {word} is used for health checks: there are none; write {word}"
            if name == "scheme":
                text = "only http is spoken to tasks: there are no health checks; write http"
            reader.warn_of(prefix + name, text)
            return None
    return HealthCheck(
        path=found,
        port=reader.optional(prefix + "port", integer(0, 65535), 0, "the service's port is used"),
        host=reader.optional(prefix + "hostname", host, "", "address and port are used"),
        interval=reader.optional(prefix + "interval", interval, _TRAEFIK_INTERVAL),
        timeout=_TRAEFIK_TIMEOUT,
        rise=1,
        fall=1,
    )


def path(text: str) -> str:
    """A path with or without a query."""
    if not _PATH.fullmatch(text) or "#" in text or len(text) > 2048:
        raise LabelError(f"{shown(text)} is not a path", remedy="write it as /health, other characters as %XX")
    return text


def host(text: str) -> str:
    """What stands in the Host field."""
    if not _HOST.fullmatch(text):
        raise LabelError(f"{shown(text)} is not a host", remedy="write it as www.example.com")
    return text


def interval(text: str) -> float:
    """Seconds between two checks."""
    return _between(text, 0.1, 3600)


def timeout(text: str) -> float:
    """Seconds for one check."""
    return _between(text, 0.05, 60)


def count(text: str) -> int:
    """How many in a row."""
    return integer(1, 100)(text)


def status(text: str) -> tuple[tuple[int, int], ...]:
    """Ranges of status codes: "200-299,404"."""
    ranges = []
    for part in text.replace(" ", "").split(","):
        match = _RANGE.fullmatch(part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise LabelError(f"{shown(text)} is not a range of status codes", remedy="write for example 200-299,404")
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return tuple(ranges)


def _between(text: str, low: float, high: float) -> float:
    seconds = duration(text)
    if not low <= seconds <= high:
        raise LabelError(f"{shown(text)} is out of range", remedy=f"write {low:g}s to {high:g}s")
    return seconds


def _warn_without_path(reader: LabelReader, prefix: str, keys: tuple[str, ...]) -> None:
    rest = [key for key in reader.names() if key in keys and key != prefix + "path"]
    if rest and reader.text(prefix + "path") is None:
        reader.warn_of(rest[0], f"it has no effect without {prefix}path; add that label")
