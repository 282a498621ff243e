"""What becomes of the middlewares of Traefik 2's and 3's labels (2.11 and 3.7, pkg/config/dynamic/middlewares.go).

None has an effect. To ignore one that keeps people out would publish what was not public; to ignore one that changes the path
would ask the application for what it does not have. A router or service with one of these is left out, and so is one with a
middleware that nobody knows. The others are harmless.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from faststicky.labels.traefik2_keys import MIDDLEWARES
from faststicky.labels.values import LabelReader, shown

_KEEP_OUT = frozenset(
    {"basicauth", "digestauth", "forwardauth", "ipallowlist", "ipwhitelist", "passtlsclientcert", "plugin"}
)
_OTHER_PATH = frozenset({"stripprefix", "stripprefixregex", "addprefix", "replacepath", "replacepathregex"})
_REDIRECT = frozenset({"redirectscheme", "redirectregex"})
_HARMLESS = frozenset(
    {
        *("headers", "errors", "ratelimit", "inflightreq", "buffering", "circuitbreaker", "compress", "retry"),
        *("contenttype", "grpcweb", "encodedcharacters", *_REDIRECT),
    }
)


class Middlewares(NamedTuple):
    """Those of one router or service, in order, the ones in chains one by one.

    kinds: name as the router writes it, and kind, "" where it is not defined.
    """

    kinds: tuple[tuple[str, str], ...]

    @property
    def keeps_out(self) -> bool:
        """True if one is known to keep people out."""
        return any(kind in _KEEP_OUT for _, kind in self.kinds)

    @property
    def redirects(self) -> bool:
        """True if one sends people elsewhere, usually to the router for https."""
        return any(kind in _REDIRECT for _, kind in self.kinds)

    @property
    def bars(self) -> bool:
        """True if one keeps people out, or might."""
        return any(kind not in _HARMLESS | _OTHER_PATH for _, kind in self.kinds)

    @property
    def problem(self) -> tuple[str, str] | None:
        """Why the router is left out, and the remedy; what is worst comes first."""
        for name, kind in self.kinds:
            if kind in _KEEP_OUT:
                return f"{kind} ({name}) is not supported", "let the application do that, then remove it here"
        for name, kind in self.kinds:
            if not kind:
                what = f"middleware {shown(name)} is not defined by labels, so that nobody knows what it is for"
                return what, "if it neither keeps people out nor changes the path, remove it"
            if kind not in _HARMLESS | _OTHER_PATH:
                return f"{kind} ({name}) is no middleware that is known here", "correct it, or remove it"
        for name, kind in self.kinds:
            if kind in _OTHER_PATH:
                return f"{kind} ({name}) is not supported", "let the application serve the path as it is"
        return None

    def __str__(self) -> str:
        return ", ".join(f"{kind} ({name})" for name, kind in self.kinds)


def of_label(key: str, reader: LabelReader, others: Mapping[str, str]) -> Middlewares:
    """Those that a router's or a service's label names. others: as `defined` gives them."""
    labels = {**others, **{key: reader.peek(key) or "" for key in reader.names() if key.startswith(MIDDLEWARES)}}
    return Middlewares(tuple(dict.fromkeys(_kinds(reader.text(key) or "", labels))))


def refused(found: Middlewares, key: str, reader: LabelReader, until: str) -> bool:
    """True, with a warning, if what names them is left out, as `until` says; others are warned of."""
    if found.problem:
        reader.left_out(key, *found.problem, until)
        return True
    if found.kinds:
        reader.warn_of(
            key,
            f"{found}: not supported, ignored; leave that to the application or to what stands in front, and remove it",
        )
    return False


def defined(services: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The labels of middlewares of all services, keys in lower case: a router may name those of another service."""
    found: dict[str, str] = {}
    for labels in services:
        for key, value in labels.items():
            folded = key.lower()
            if folded.startswith(MIDDLEWARES):
                found[folded] = f"{found[folded]},{value}" if found.get(folded, value) != value else value
    return found


def _kinds(listed: str, labels: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Each chain is followed once: they may name themselves, and each other more than once."""
    kinds: dict[str, set[str]] = {}
    for key in labels:
        name, _, rest = key.removeprefix(MIDDLEWARES).partition(".")
        kinds.setdefault(name, set()).add(rest.partition(".")[0])
    waiting = deque(_listed(listed))
    followed: set[str] = set()
    while waiting:
        written = waiting.popleft()
        name, _, provider = written.partition("@")
        found = kinds.get(name) if provider in ("", "docker", "swarm") else None
        if not found:
            yield written, ""
            continue
        for kind in sorted(found - {"chain"}):
            yield written, kind
        if "chain" in found and name not in followed:
            followed.add(name)
            chain = labels.get(f"{MIDDLEWARES}{name}.chain.middlewares", "")
            waiting.extendleft(reversed(_listed(chain)))


def _listed(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]
