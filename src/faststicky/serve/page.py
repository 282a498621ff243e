"""The web page: services, backends, routes and warnings on one self-contained page without scripts."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from faststicky.model import Route, Service, Warning
from faststicky.serve.status import Status

REFRESH = 5  # seconds

STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #888; --good: #2a8c4a; --warn: #b7791f; --bad: #c53030; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h1 small, .dim { color: var(--dim); font-weight: normal; font-size: .85em; }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--dim); font-size: .85em; } td.number, th.number { text-align: right; }
code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; }
.state::before { content: "\\25cf"; margin-right: .4em; } .up::before { color: var(--good); }
.draining::before, .leaving::before { color: var(--warn); } .down::before { color: var(--bad); }
.notice { border-left: 4px solid var(--warn); padding: .4rem .8rem; margin: .6rem 0; background: #8881; }
.notice.bad { border-color: var(--bad); }
"""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)


def page(status: Status) -> str:
    """The whole document."""
    snapshot = status.snapshot
    services = snapshot.services if snapshot else ()
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>faststicky</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="refresh" content="{REFRESH}"><style>{STYLE}</style></head><body>',
        f"<h1>faststicky <small>{escape(status.version)}</small></h1>",
        _summary(status),
        *(_service(service) for service in services),
        _routes(snapshot.routes if snapshot else ()),
        _warnings(snapshot.warnings if snapshot else ()),
        _workers(status),
        "</body></html>\n",
    ]
    return "".join(parts)


def _summary(status: Status) -> str:
    source = status.snapshot.source if status.snapshot else "no source yet"
    age = "never confirmed" if status.age is None else f"confirmed {_span(status.age)} ago"
    lines = [
        f"<p>{escape(source)}, table {status.generation}, {age}"
        f'<br><span class="dim">listening on {escape(", ".join(status.listen))}, '
        f"up {_span(status.uptime)}</span></p>"
    ]
    if status.error:
        lines.append(f'<p class="notice bad">The last good table stays in force: {escape(status.error)}</p>')
    if not status.ready:
        lines.append('<p class="notice">Not ready: no table is in force in every worker yet.</p>')
    return "".join(lines)


def _span(seconds: float) -> str:
    """The two largest units: 3661 -> "1h 1m"."""
    whole = int(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def _service(service: Service) -> str:
    cookie = f"cookie <code>{escape(service.cookie.name)}</code>" if service.cookie else "not sticky"
    rows = [
        f"<tr><td>{escape(backend.name)}</td><td><code>{escape(backend.host)}:{backend.port}</code></td>"
        f'<td class="state {backend.state}">{backend.state}</td><td class="number">{backend.weight}</td>'
        f"<td>{escape(backend.node)}</td></tr>"
        for backend in service.backends
    ]
    return f'<h2>{escape(service.name)} <span class="dim">{cookie}</span></h2>' + _table(
        ("backend", "address", "state", "#weight", "node"), rows, "No backend: requests are answered with 503."
    )


def _routes(routes: tuple[Route, ...]) -> str:
    rows = [
        f"<tr><td><code>{escape(route.rule)}</code></td><td>{escape(route.service)}</td>"
        f'<td class="number">{route.priority}</td><td>{escape(route.name)}</td></tr>'
        for route in routes
    ]
    return "<h2>Routes</h2>" + _table(("rule", "service", "#priority", "name"), rows, "No route.")


def _warnings(warnings: tuple[Warning, ...]) -> str:
    if not warnings:
        return ""
    notices = [
        f'<p class="notice">{escape(warning.service)}: <code>{escape(warning.label)}={escape(warning.value)}</code>'
        f"<br>{escape(warning.text)}</p>"
        for warning in warnings
    ]
    return "<h2>Warnings</h2>" + "".join(notices)


def _workers(status: Status) -> str:
    rows = [
        f'<tr><td>{worker.index} <span class="dim">pid {worker.pid}</span></td>'
        f"<td>{'accepting' if worker.ready else 'starting'}</td>"
        f'<td class="number">{worker.generation or "none"}</td>'
        f'<td class="number">{worker.counters.get("requests", 0):,}</td>'
        f'<td class="number">{worker.live.get("clients", 0):,}</td>'
        f"<td>{_span(worker.uptime)}</td></tr>"
        for worker in status.workers
    ]
    return "<h2>Workers</h2>" + _table(
        ("worker", "state", "#table", "#requests", "#connections", "up"), rows, "No worker."
    )


def _table(columns: tuple[str, ...], rows: list[str], empty: str) -> str:
    """Columns that begin with "#" hold numbers."""
    if not rows:
        return f'<p class="dim">{empty}</p>'
    heads = [f'<th class="number">{name[1:]}</th>' if name[0] == "#" else f"<th>{name}</th>" for name in columns]
    return f'<div class="wide"><table><tr>{"".join(heads)}</tr>{"".join(rows)}</table></div>'
