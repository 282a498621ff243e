"""Values of Traefik's arguments in faststicky's words; ValueError for what Traefik would refuse too."""

from __future__ import annotations

from faststicky.quantities import format_duration, parse_duration

LOG_LEVELS = {
    "trace": "debug", "debug": "debug", "info": "info", "warn": "warning", "warning": "warning",
    "error": "error", "fatal": "error", "panic": "error",
}  # fmt: skip


def truth(value: str) -> bool:
    """As Go's ParseBool. Raises ValueError."""
    if value.lower() in ("1", "t", "true"):
        return True
    if value.lower() in ("0", "f", "false"):
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def duration(value: str) -> str:
    """Traefik's durations are Go's ("1m30s") or bare seconds. Raises ValueError."""
    return format_duration(parse_duration(value))


def attempts(value: str) -> str | None:
    """Traefik counts the first try too; 0 leaves the number to faststicky."""
    return str(int(value) - 1) if int(value) > 0 else None


def idle_connections(value: str) -> str | None:
    """Below 1 Traefik falls back to what Go does; then faststicky's default is better."""
    return value if int(value) > 0 else None


def log_level(value: str) -> str:
    if value.lower() not in LOG_LEVELS:
        raise ValueError(f"{value!r} is not a log level; Traefik has {', '.join(LOG_LEVELS)}")
    return LOG_LEVELS[value.lower()]
