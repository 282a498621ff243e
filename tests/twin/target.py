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
    rb"(?P<host>\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})+)(?::(?P<port>[0-9]{0,5}))?"
)
_ABSOLUTE = re.compile(rb"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?P<authority>[^/?]*)(?P<rest>.*)")
_DEFAULT_PORT = {b"http": 80, b"https": 443}


class Authority(NamedTuple):
    host: bytes  # lower case
    port: bytes  # digits as received; b"": absent or empty


class Target(NamedTuple):
    path: bytes  # origin-form or "*"; for CONNECT the target
    authority: bytes  # of an absolute-form target, as received; else b""
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
    port = match["port"] or b""
    if port and int(port) > 65535:
        return None
    return Authority(match["host"].lower(), port)


def parse_target(method: bytes, target: bytes) -> Target | None:
    """None when the form is none of the four, or not one for this method. The bytes of `target` have been checked."""
    if method == b"CONNECT":
        authority = parse_authority(target)
        return Target(target, b"", b"") if authority and authority.port.strip(b"0") else None
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
    """Are two valid authorities the same, but for case and the scheme's own port?"""

    def full(text: bytes) -> Authority:
        authority = parse_authority(text)
        assert authority is not None
        default = authority.port and int(authority.port) == _DEFAULT_PORT[scheme]
        return authority._replace(port=b"") if default else authority

    return full(one) == full(other)
