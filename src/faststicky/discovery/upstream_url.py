"""URLs of static backends: http://HOST[:PORT]."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from faststicky.errors import ConfigError
from faststicky.labels.values import shown

_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_REMEDY = "write http://HOST:PORT, for example http://127.0.0.1:9001"


def _is_name(host: str) -> bool:
    """True if DNS can have it (RFC 1035, section 2.3.4)."""
    labels = host.removesuffix(".").split(".")
    return _HOST.fullmatch(host) is not None and len(host) <= 253 and all(1 <= len(label) <= 63 for label in labels)


def parse(text: str, where: str) -> tuple[str, str, int]:
    """Normal form, host and port of a backend's URL; port 80 when none is given. Raises ConfigError.

    where: the option or the place in the file, for the error.
    """
    problem = ""
    url = text.strip() if "://" in text else "http://" + text.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", 80 if parts.port is None else parts.port
    except ValueError as error:
        raise ConfigError(f"{shown(text)} is not a URL ({error})", where=where, remedy=_REMEDY) from None
    if parts.scheme != "http":
        problem = f"has scheme {parts.scheme}; only http is spoken to backends"
    elif parts.username is not None or parts.query or parts.fragment or parts.path not in ("", "/"):
        problem = "has more than a host and a port"
    elif not _is_name(host) and "[" not in parts.netloc:
        problem = "has no usable host"
    elif not 1 <= port <= 65535:
        problem = f"has port {port}"
    if problem:
        raise ConfigError(f"backend {shown(text)} {problem}", where=where, remedy=_REMEDY)
    return (f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"), host, port
