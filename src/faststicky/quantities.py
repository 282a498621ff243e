"""Durations and sizes as people write them: `10s`, `250ms`, `1m30s`; `64k`, `10MiB`.

Durations follow Go's notation, since Traefik's arguments and labels use it; a bare number is seconds. Sizes count in
powers of 1024 whatever the spelling of the unit; a bare number is bytes.
"""

from __future__ import annotations

import re

_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_DURATION_PART.pattern})+")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def parse_duration(text: str) -> float:
    """Seconds in `text`. Raises ValueError with a sentence for people."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write it as 10s, 250ms, 2m or 1m30s (0 switches it off)")
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def format_duration(seconds: float) -> str:
    """The shortest exact spelling: 0.25 -> "250ms", 90 -> "90s", 120 -> "2m"."""
    if seconds == 0:
        return "0"
    for unit in ("h", "m", "s"):
        number = seconds / _UNIT_SECONDS[unit]
        if number >= 1 and number == int(number):
            return f"{int(number)}{unit}"
    return f"{seconds * 1000:.3f}".rstrip("0").rstrip(".") + "ms"


def parse_size(text: str) -> int:
    """Bytes in `text`. Raises ValueError with a sentence for people."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write it as 8192, 64k, 10m or 1g (0 switches the limit off)")
    factor = 1024 ** " kmg".index(match[2].lower() or " ")
    return int(float(match[1]) * factor)


def format_size(size: int) -> str:
    """The shortest exact spelling: 65536 -> "64k"."""
    for power, unit in ((3, "g"), (2, "m"), (1, "k")):
        factor: int = 1024**power
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
