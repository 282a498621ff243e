"""What all versions of Traefik have in common for us: names, and the values of the cookies that they have written.

Whoever comes from a Traefik brings its cookie. Values are derived from a server's URL, each version's in its own way
(v1.7 and oxy's stickycookie, v2.11 pkg/server/service/loadbalancer/wrr, v3.7 pkg/server/service/loadbalancer/sticky.go).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from faststicky.errors import LabelError
from faststicky.labels.values import LabelReader, integer, shown

Written = Literal["", "traefik1", "traefik2"]
"""Whose cookies are honoured: nobody's, Traefik 1's, or those of Traefik 1 to 3."""

_OF_LATER = re.compile(
    r"traefik\.(http|tcp|udp|tls|swarm)\..+|traefik\.docker\.(lbswarm|allownonrunning)", re.IGNORECASE
)
_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1  # of FNV with 64 bits


def of_later(labels: Iterable[str]) -> list[str]:
    """The labels that only Traefik 2 and 3 know."""
    return sorted(key for key in labels if _OF_LATER.fullmatch(key))


def normalize(name: str) -> str:
    """Runs of letters and numbers joined by "-", as Traefik's provider.Normalize does: stack_web gives stack-web."""
    return "-".join("".join(c if unicodedata.category(c)[0] in "LN" else " " for c in name).split())


def weight(text: str) -> int:
    """Of a server; 0, with which a server gets nothing, is not possible. Raises LabelError."""
    number = integer(0, 65535)(text)
    if number == 0:
        raise LabelError("weight 0 is not possible", remedy="to send no new users there, drain the tasks")
    return number


def refuse_other_protocols(key: str, reader: LabelReader) -> None:
    """Tasks are spoken to by plain HTTP/1.1. Raises LabelError, with a warning kept, if they would refuse that."""
    protocol = reader.text(key) or "http"
    if protocol.lower() == "h2c":
        reader.warn_of(key, "not supported; HTTP/1.1 is spoken to the tasks; remove the label if they understand it")
    elif protocol.lower() != "http":
        raise reader.left_out(
            key,
            f"{key.rpartition('.')[2]} {shown(protocol)} is not supported, only http is",
            "let the application listen for plain HTTP on the overlay network and remove the label",
        )


def cookie_values(written: Written, host: str, port: int) -> tuple[str, ...]:
    """The cookie values that stand for a backend."""
    if not written:
        return ()
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if written == "traefik1":
        return (url,)
    hashed = _fnv1a(url.encode())
    return (
        url,  # 1.7, and 2.0 to 2.4
        f"{hashed:x}",  # 2.5 to 2.11
        f"{_fnv1(f'{hashed:016x}'.encode()):x}",  # 3.0 to 3.3.3
        hashlib.sha256(url.encode()).hexdigest()[:16],  # from 3.3.4 on
    )


def _fnv1a(data: bytes) -> int:
    number = _OFFSET
    for byte in data:
        number = (number ^ byte) * _PRIME & _MASK
    return number


def _fnv1(data: bytes) -> int:
    number = _OFFSET
    for byte in data:
        number = (number * _PRIME & _MASK) ^ byte
    return number
