"""Who may ask the admin server for what: names, methods, and the right to change something."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from faststicky.errors import ConfigError

if TYPE_CHECKING:
    from aiohttp import web

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "faststicky",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def is_allowed_host(host: str, names: Iterable[str]) -> bool:
    """True if a Host field is an IP address, `localhost` or one of `names`, with or without port.

    A page of another site can make a browser send requests here under that site's name, by letting the name resolve to
    this address (DNS rebinding); it cannot do so under an address or a name that it does not own.
    """
    name = host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name.lower().rstrip(".") in {"localhost", *(known.lower().rstrip(".") for known in names)}
    return True


def read_token(path: str) -> str:
    """The secret in a file, "" for no file. Raises ConfigError if it cannot be read or is too short to be one."""
    if not path:
        return ""
    where, remedy = (
        "--admin-token-file",
        f"write a secret there, such as {secrets.token_urlsafe(24)}",
    )
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}", where=where, remedy=remedy) from error
    if len(token) < 16 or not token.isprintable() or " " in token:
        raise ConfigError(f"{path} has no usable token", where=where, remedy=remedy)
    return token


def refusal(request: web.Request, token: str) -> tuple[int, str] | None:
    """Why this request may not change anything: status and reason. None if it may.

    token: what it has to bear (RFC 6750); "" means that only this machine may change something, and nothing that came
    through another proxy. A browser may only do it from our own page, lest another site's page does it in its name.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none") or (origin is not None and urlsplit(origin).netloc != request.host):
        return 403, "only this server's own page may change something"
    if token:
        given = request.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(errors="replace"), f"Bearer {token}".encode()):
            return None
        return 401, "give the content of --admin-token-file as a bearer token"
    if is_local(request.remote) and not any(name in request.headers for name in _FORWARDED):
        return None
    return 403, "only from the proxy's own machine, unless the proxy has --admin-token-file"


def is_local(address: str | None) -> bool:
    """True for a loopback address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback
