"""Request targets and hosts (RFC 9112, section 3.2; RFC 3986, section 3.2.2). Choices:

* Host is `host [ ":" port ]` without user information; host is an IPv6 address in brackets (no zone, no IPvFuture), or
  a reg-name (which IPv4 addresses are, too) that is not empty and has no ",". A port is up to five digits, at most
  65535; it may be empty, as the grammar has it.
* absolute-form: scheme http or https, in any case.
* authority-form: only with CONNECT, and CONNECT only with it; the port must be there and must not be 0.
* `*` only with OPTIONS.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_AUTHORITY = re.compile(
    rb"(?P<host>\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?P<colon>:(?P<port>[0-9]{0,5}))?"
)
_ABSOLUTE = re.compile(rb"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?P<authority>[^/?]*)(?P<rest>.*)")
_DEFAULT_PORT = {b"http": 80, b"https": 443}


class Authority(NamedTuple):
    host: bytes  # lower case
    port: int | None  # None: absent or empty


class Target(NamedTuple):
    path: bytes  # origin-form or "*"; b"" for CONNECT
    authority: bytes  # as received; b"" for origin-form and "*"
    scheme: bytes  # lower case; b"" unless absolute-form


def parse_authority(text: bytes) -> Authority | None:
    """None when `text` is not a host with an optional port."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    if match["ipv6"] is not None:
        try:
            ipaddress.IPv6Address(match["ipv6"].decode())
        except ValueError:
            return None
    port = int(match["port"]) if match["port"] else None
    if port is not None and port > 65535:
        return None
    return Authority(match["host"].lower(), port)


def parse_target(method: bytes, target: bytes) -> Target | None:
    """None when the form is none of the four, or not one for this method. The bytes of `target` have been checked."""
    if method == b"CONNECT":
        authority = parse_authority(target)
        return Target(b"", target, b"") if authority and authority.port else None
    if target.startswith(b"/"):
        return Target(target, b"", b"")
    if target == b"*":
        return Target(target, b"", b"") if method == b"OPTIONS" else None
    match = _ABSOLUTE.fullmatch(target)
    if match is None or parse_authority(match["authority"]) is None:
        return None
    path = match["rest"]
    if path == b"":
        path = b"*" if method == b"OPTIONS" else b"/"
    elif path.startswith(b"?"):
        path = b"/" + path
    return Target(path, match["authority"], match["scheme"].lower())


def same_authority(scheme: bytes, one: bytes, other: bytes) -> bool:
    """Do two valid authorities name the same host and port? The scheme's port is understood where none is given."""

    def full(text: bytes) -> tuple[bytes, int]:
        authority = parse_authority(text)
        assert authority is not None
        return authority.host, _DEFAULT_PORT[scheme] if authority.port is None else authority.port

    return full(one) == full(other)
