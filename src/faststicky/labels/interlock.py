"""Labels of Interlock, the layer-7 routing of Docker Enterprise (com.docker.lb.*; Docker's and Mirantis' reference of them), keys
in any case.

    hosts, port     needed, but for hosts with default_backend; hosts are separated by commas
    context_root    path prefix
    network         overlay network on which tasks are reached
    sticky_session_cookie, ip_hash, default_backend, ssl_passthrough, ssl_backend, context_root_rewrite: see below

What differs, and why:

- Users stay by a cookie of our own. The name in sticky_session_cookie is that of the application's cookie, which stays the
  application's: Interlock pins whoever has one, and nobody before.
- A path that Interlock would rewrite is not there: the service is left out. So is one whose application speaks TLS.
- backend_mode=vip has no effect: behind Swarm's balancer nobody can stay.
"""

from __future__ import annotations

from collections.abc import Iterable

from faststicky.errors import LabelError
from faststicky.labels import cookies
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.labels.rules import Alternatives, parse_expression
from faststicky.labels.values import LabelReader, boolean, nearest, port, shown
from faststicky.model import Balancing, CookiePolicy, Route

PREFIX = "com.docker.lb."
KEYS = frozenset(
    PREFIX + name
    for name in (
        *("hosts", "port", "network", "context_root", "context_root_rewrite", "sticky_session_cookie", "ip_hash"),
        *("default_backend", "ssl_passthrough", "ssl_backend"),
    )
)
_TLS = "TLS ends in front of the proxy"
_IGNORED = {
    PREFIX + "websocket_endpoints": "every path may be one of WebSockets",
    PREFIX + "backend_mode": "requests go to tasks, never to Swarm's balancer",
    PREFIX + "ssl_cert": _TLS,
    PREFIX + "ssl_key": _TLS,
    PREFIX + "ssl_only": _TLS,
    PREFIX + "ssl_backend_tls_verify": "tasks are spoken to by plain HTTP",
}
_UNSUPPORTED = {
    PREFIX + "redirects": "not supported, ignored; let the application redirect, or what stands in front of the proxy",
    PREFIX
    + "service_cluster": "not supported: every proxy that sees the service serves it; remove it if that is meant",
}
_LAST = 1  # priority of a default backend, below any rule's length


def applies(labels: Iterable[str]) -> bool:
    """True if any label is Interlock's."""
    return any(key.lower().startswith(PREFIX) for key in labels)


def why_ignored(key: str) -> str:
    """Why a label has no effect and need not have one; "" for all others."""
    return _IGNORED.get(key.lower(), "")


def read(service: str, defaults: LabelDefaults, reader: LabelReader) -> Reading | None:
    """What these labels say of a service; None when it is not exposed. Raises LabelError when it must be left out.

    reader: holds the labels of Interlock, folded; keeps the warnings.
    """
    if not defaults.exposed_by_default:
        return None
    _warn_of_others(reader)
    number = reader.required(PREFIX + "port", port, f"add the port on which the application listens: {PREFIX}port=8000")
    by_default = reader.optional(PREFIX + "default_backend", boolean, False)
    if reader.peek(PREFIX + "hosts") is not None or not by_default:
        reader.required(PREFIX + "hosts", _hosts, f"add the hosts that lead here: {PREFIX}hosts=www.example.com")
    for key, remedy in (
        ("context_root_rewrite", "let the application serve the path as it is"),
        ("ssl_passthrough", "let the application listen for plain HTTP, and end TLS in front of the proxy"),
        ("ssl_backend", "let the application listen for plain HTTP on the overlay network"),
    ):
        if reader.optional(PREFIX + key, boolean, False):
            raise reader.left_out(PREFIX + key, "not supported", f"{remedy}, and remove the label")
    return Reading(
        service=service,
        dialect="interlock",
        port=number,
        network=reader.text(PREFIX + "network") or defaults.network,
        cookie=_cookie(service, reader),
        balancing=Balancing(balance="hash" if reader.optional(PREFIX + "ip_hash", boolean, False) else "wrr"),
        network_label=PREFIX + "network",
        sticky_label=PREFIX + "sticky_session_cookie",
        cookie_label=PREFIX + "sticky_session_cookie",
        routes=tuple(_routes(service, by_default, reader)),
    )


def _routes(service: str, by_default: bool, reader: LabelReader) -> Iterable[Route]:
    if hosts := reader.text(PREFIX + "hosts"):
        rule = _host_rule(hosts)
        if root := reader.text(PREFIX + "context_root"):
            reader.required(PREFIX + "context_root", _root, "")
            rule += f" && PathPrefix(`{root}`)"
        yield Route(name=service, rule=rule, service=service, priority=len(rule), alternatives=parse_expression(rule))
    elif reader.peek(PREFIX + "context_root"):
        reader.warn_of(PREFIX + "context_root", f"it has no effect without {PREFIX}hosts; add that label, or remove it")
    if by_default:
        everything = "PathPrefix(`/`)"
        yield Route(
            name=f"{service}-default",
            rule=everything,
            service=service,
            priority=_LAST,
            alternatives=parse_expression(everything),
        )


def _hosts(text: str) -> Alternatives:
    if "`" in text:
        raise LabelError(f"{shown(text)} is no list of hosts", remedy="separate host names by commas")
    return parse_expression(_host_rule(text))


def _host_rule(text: str) -> str:
    return f"Host({', '.join(f'`{host.strip()}`' for host in text.split(',') if host.strip())})"


def _root(text: str) -> str:
    if "`" in text:
        raise LabelError(f"{shown(text)} is not a path", remedy="begin it with '/'")
    parse_expression(f"PathPrefix(`{text}`)")
    return text


def _cookie(service: str, reader: LabelReader) -> CookiePolicy | None:
    if not reader.text(PREFIX + "sticky_session_cookie"):
        return None
    return CookiePolicy(name=cookies.native_default_name(service))


def _warn_of_others(reader: LabelReader) -> None:
    for key in reader.names():
        if key in KEYS or key in _IGNORED:
            continue
        guess = nearest(key, KEYS)
        unknown = "no such label of Interlock, ignored; " + (f"did you mean {guess}?" if guess else "remove it")
        reader.warn_of(key, _UNSUPPORTED.get(key, unknown))
