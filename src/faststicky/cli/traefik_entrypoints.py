"""Traefik's entry points: addresses that it listens on, with a name each."""

from __future__ import annotations

import msgspec

# what an entry point of Traefik 1.7 can say besides its name and address; the rest of the key does not matter here
_TLS = ("tls", "ca", "ca.optional")
_IGNORED = ("redirect.", "compress", "proxyprotocol", "tls.")
_REFUSED = ("whitelist", "auth.")  # they keep people out


class EntryPoint(msgspec.Struct):
    """address: "HOST:PORT" or ":PORT", "" if none was given."""

    name: str
    address: str = ""
    tls: bool = False
    udp: bool = False
    trusted: tuple[str, ...] = ()  # networks whose X-Forwarded-* are believed
    trust_all: bool = False


def parse_v1(text: str) -> tuple[EntryPoint, list[str]]:
    """Traefik 1.7's form, `Name:http Address::80 TLS Redirect.EntryPoint:https`; also the options that are ignored.

    Raises ValueError when the name or the address is missing, a word is none of Traefik's, or it restricts access.
    """
    words = dict(_word(word) for word in text.split())
    if not words.get("name") or not words.get("address"):
        raise ValueError(f"{text!r} names no entry point; Traefik writes it as 'Name:http Address::80'")
    point = EntryPoint(words.pop("name"), words.pop("address"))
    point.tls = any(key in _TLS or key.startswith("tls.") for key in words)
    point.trusted = tuple(filter(None, words.pop("forwardedheaders.trustedips", "").split(",")))
    point.trust_all = words.pop("forwardedheaders.insecure", "false") in ("", "true")
    ignored = []
    for key in words:
        if key.startswith(_REFUSED):
            raise ValueError(f"{key!r} restricts access and cannot be honoured")
        if key not in _TLS and not key.startswith(_IGNORED):
            raise ValueError(f"{key!r} is not an option of an entry point of Traefik 1.7")
        if key not in _TLS and not key.startswith("tls."):
            ignored.append(key)
    return point, ignored


def _word(word: str) -> tuple[str, str]:
    key, _, value = word.partition(":")
    return key.lower(), value
