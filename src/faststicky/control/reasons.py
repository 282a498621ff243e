"""Why a backend gets no new sessions, in words: for the log, the page and `faststicky top`."""

from __future__ import annotations

from faststicky.model import Backend, Service

_REASONS = {
    "": "is being taken away",
    "stopping": "is being stopped",
    "node-drained": "its node is being drained",
    "node-down": "its node is down",
    "operator": "drained by an operator",
}


def why(service: Service, backend: Backend) -> str:
    """ "" for a backend that is up."""
    if backend.state == "up":
        return ""
    if backend.state == "down":
        return "failed its health check"
    users = "keeps its users" if backend.state == "draining" else "its users move"
    reason = "its service was removed" if service.removed else _REASONS[backend.reason]
    return f"{reason}; {users}"
