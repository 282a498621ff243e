"""Names and attributes of stickiness cookies: Traefik's rules, ours, and the checks that both share."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from faststicky.errors import LabelError
from faststicky.labels.values import LabelReader, boolean, duration, shown
from faststicky.model import CookiePolicy

SameSite = Literal["Lax", "Strict", "None", ""]

_TOKEN = re.compile(
    r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}"
)  # cookie-name = token (RFC 6265, section 4.1.1; RFC 9110, section 5.6.2)
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9!#$%&'*+.^`|~-]")
_AV_OCTETS = re.compile(
    r"/[\x20-\x3a\x3c-\x7e]*"
)  # path-value: no control character, no semicolon (RFC 6265, section 4.1.1)
_DOMAIN = re.compile(r"\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LONGEST = 1024  # characters of a name or an attribute: browsers ignore longer attributes (RFC 6265bis, section 5.6)
_MAX_AGE = 400 * 86400  # browsers cut longer lives to 400 days (RFC 6265bis, section 5.5)


def traefik_default_name(backend: str) -> str:
    """The cookie name that Traefik (all versions) derives from a qualified service name: "_" and five hex digits."""
    digest = hashlib.sha1(f"_TRAEFIK_BACKEND_{backend}".encode(), usedforsecurity=False).hexdigest()
    return f"_{digest}"[:6]


def traefik_clean_name(name: str) -> str:
    """A cookie name as Traefik sanitises it: what is not a token character becomes "_". It may be of any length."""
    return _NOT_IN_NAME.sub("_", name)


def traefik_name(key: str, default: str, reader: LabelReader) -> str:
    """The name that a label of Traefik's asks for; `default` where there is none, or a longer one than browsers take."""
    written = reader.text(key)
    if not written:
        return default
    if len(written) > LONGEST:
        reader.warn_of(key, f"longer than {LONGEST} characters; {default} is used")
        return default
    name = traefik_clean_name(written)
    if name != written:
        reader.warn_of(key, f"not a cookie name; {name} is used, as Traefik does")
    return name


def native_default_name(service: str) -> str:
    """faststicky's own default: "_fs_" and six hex digits of SHA-256 of the service's name, the same on every node.

    Not the name itself, so that the cookie says nothing of what runs inside; not one name for all, so that two services
    on one host do not take each other's cookie.
    """
    return "_fs_" + hashlib.sha256(service.encode()).hexdigest()[:6]


def cookie_name(text: str) -> str:
    """A cookie name as RFC 6265 allows it, 1 to 128 characters."""
    if not _TOKEN.fullmatch(text):
        raise LabelError(
            f"{shown(text)} is not a cookie name", remedy="use letters, digits, '-' and '_' only (RFC 6265)"
        )
    return text


def cookie_path(text: str) -> str:
    """A Path attribute."""
    if len(text) > LONGEST:
        remedy = f"write at most {LONGEST}: browsers ignore a longer one"
        raise LabelError(f"a cookie path of {len(text)} characters is too long", remedy=remedy)
    if not _AV_OCTETS.fullmatch(text):
        raise LabelError(f"{shown(text)} is not a cookie path", remedy="write a path that begins with '/', without ';'")
    return text


def cookie_domain(text: str) -> str:
    """A Domain attribute, lower case, without the leading dot that RFC 6265 ignores."""
    name = text.lower()
    if len(name) > 253 or not _DOMAIN.fullmatch(name):
        raise LabelError(
            f"{shown(text)} is not a domain", remedy="write a host name such as example.com, without scheme and port"
        )
    return name.removeprefix(".")


def same_site(text: str) -> SameSite:
    """A SameSite attribute in any case: lax, strict or none."""
    words: dict[str, SameSite] = {"lax": "Lax", "strict": "Strict", "none": "None"}
    try:
        return words[text.lower()]
    except KeyError:
        raise LabelError(f"{shown(text)} is not a SameSite value", remedy="write lax, strict or none") from None


def max_age(text: str) -> int:
    """A Max-Age attribute: whole seconds from a duration, 0 for a session cookie, at most 400 days."""
    seconds = duration(text)
    if 0 < seconds < 1 or seconds > _MAX_AGE:
        raise LabelError(
            f"{shown(text)} is not a usable life of a cookie", remedy="write 1s to 400d, or 0 for a session cookie"
        )
    return int(seconds)


def read_policy(name: str, key: str, joint: str, reader: LabelReader) -> CookiePolicy:
    """A cookie called `name` with the attributes that labels below `key` say.

    joint: what stands between the words of a label: "-" in http-only, "" in httponly.
    """
    policy = CookiePolicy(
        name=name,
        path=reader.optional(f"{key}.path", cookie_path, "/"),
        domain=reader.optional(f"{key}.domain", cookie_domain, "", "the cookie is for the requested host alone"),
        secure=reader.optional(f"{key}.secure", boolean, None, "Secure is set when the client came by TLS"),
        http_only=reader.optional(f"{key}.http{joint}only", boolean, True),
        same_site=reader.optional(f"{key}.same{joint}site", same_site, "Lax"),
        max_age=reader.optional(
            f"{key}.max{joint}age", max_age, 0, "the cookie lives as long as the browser's session"
        ),
    )
    warn_if_browsers_refuse(policy, reader, f"{key}.same{joint}site")
    return policy


def warn_if_browsers_refuse(policy: CookiePolicy, reader: LabelReader, key: str) -> None:
    """SameSite=None without Secure is refused by browsers (RFC 6265bis, section 5.7), so nobody would be stuck."""
    if policy.same_site == "None" and policy.secure is not True:
        reader.warn_of(
            key, "browsers refuse SameSite=None without Secure; serve by TLS and set the cookie's secure label to true"
        )
