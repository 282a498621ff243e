"""What the control thread tells the log: each thing once, on one line."""

from __future__ import annotations

import json
import logging
import time

from faststicky.control.reasons import why
from faststicky.errors import FaststickyError
from faststicky.model import Backend, Service, Snapshot, Warning

log = logging.getLogger("faststicky.control")

MOST_NAMES = 20  # of backends in one line
_MANY = 64  # different errors of one outage that are remembered, so that they are logged once
REMIND = 60.0  # seconds after which an outage that lasts is told of again


class Journal:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self._since = 0.0
        self._reminded = 0.0
        self._errors: set[str] = set()
        self._warnings: set[Warning] = set()
        self._backends: dict[str, dict[str, tuple[str, str]]] | None = (
            None  # of each service: (name, state and why) by ID
        )

    def failed(self, error: BaseException) -> None:
        """A sync failed. A new text is logged at once, then once a minute; a bug is logged with its traceback."""
        text = one_line(str(error) or type(error).__name__)
        now = time.monotonic()
        if not self.failures:
            self._since = self._reminded = now
        self.failures += 1
        if text in self._errors or len(self._errors) >= _MANY:
            if now - self._reminded >= REMIND:
                self._reminded = now
                log.error(
                    "no sync for %.0f s, %d failures, the last table stays: %s", now - self._since, self.failures, text
                )
            return
        self._errors.add(text)
        if isinstance(error, FaststickyError):
            log.error("sync failed, the last table stays: %s", text)  # it says what to do
        else:
            log.error("sync failed, the last table stays: %s; report this", text, exc_info=error)

    def worked(self) -> None:
        """A sync worked."""
        if self.failures:
            lasted = time.monotonic() - self._since
            plural = "failure" if self.failures == 1 else "failures"
            log.info("sync works again after %.0f s, %d %s", lasted, self.failures, plural)
        self.failures = 0
        self._errors.clear()

    def warned(self, warnings: tuple[Warning, ...]) -> None:
        """Log the warnings that are new. One that went away is logged again if it comes back."""
        now = dict.fromkeys(warnings)
        for warning in now:
            if warning not in self._warnings:
                where = f"service {warning.service}, " if warning.service else ""
                value = f"={warning.value}" if warning.value else ""
                log.warning("%s", one_line(f"{where}{warning.label}{value}: {warning.text}"))
        self._warnings = set(now)

    def _tell_changes(self, snapshot: Snapshot) -> None:
        """One line for each service; none for the first table."""
        now = {
            service.name: {backend.id: (backend.name, _shown(service, backend)) for backend in service.backends}
            for service in snapshot.services
        }
        before, self._backends = self._backends, now
        if before is None:
            return
        for name in dict.fromkeys((*now, *before)):
            old, new = before.get(name, {}), now.get(name, {})
            changes: dict[str, list[str]] = {}
            for ident, (backend, state) in new.items():
                if ident not in old:
                    changes.setdefault("came" if state == "up" else f"came, {state}", []).append(backend)
                elif old[ident][1] != state:
                    changes.setdefault(state, []).append(backend)
            if gone := [backend for ident, (backend, _) in old.items() if ident not in new]:
                changes["went"] = gone
            if changes:
                told = "; ".join(f"{what}: {', '.join(_put_together(names))}" for what, names in changes.items())
                log.info("backends changed", extra={"service": name, "changes": one_line(told)})

    def published(self, snapshot: Snapshot, generation: int) -> None:
        """A new table went out: its content (debug), what has changed of each service's backends, that it is in force (info)."""
        self._tell_changes(snapshot)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("Configuration found: %s", json.dumps(configuration(snapshot), ensure_ascii=True))
            for service in snapshot.services:
                if service.cookie is not None:
                    log.debug("Sticky session with cookie %s (%s)", service.cookie.name, one_line(service.name))
        backends = [backend for service in snapshot.services for backend in service.backends]
        log.info(
            "Server configuration reloaded: generation %d, services %d, backends %d (up %d), routes %d",
            generation,
            len(snapshot.services),
            len(backends),
            sum(backend.state == "up" for backend in backends),
            len(snapshot.routes),
        )


def _shown(service: Service, backend: Backend) -> str:
    reason = why(service, backend)
    return f"{backend.state} ({reason})" if reason else backend.state


def _put_together(names: list[str]) -> list[str]:
    rest = len(names) - MOST_NAMES
    return names if rest <= 0 else [*names[:MOST_NAMES], f"{rest} more"]


def configuration(snapshot: Snapshot) -> dict[str, object]:
    """The snapshot in the words of Traefik 1's debug log: backends with their servers, frontends with their routes."""
    return {
        "backends": {service.name: _backend(service) for service in snapshot.services},
        "frontends": {
            route.name: {
                "backend": route.service,
                "passHostHeader": _passes_host(snapshot, route.service),
                "priority": route.priority,
                "routes": {f"route-{route.name}": {"rule": route.rule}},
            }
            for route in snapshot.routes
        },
    }


def _backend(service: Service) -> dict[str, object]:
    balancer: dict[str, object] = {"method": service.balancing.balance}
    if service.cookie is not None:
        balancer["stickiness"] = {"cookieName": service.cookie.name}
    return {
        "servers": {
            backend.name: {
                "url": f"http://[{backend.host}]:{backend.port}"
                if ":" in backend.host
                else f"http://{backend.host}:{backend.port}",
                "weight": backend.weight,
                "state": backend.state,
            }
            for backend in service.backends
        },
        "loadBalancer": balancer,
    }


def _passes_host(snapshot: Snapshot, name: str) -> bool:
    return next((service.pass_host_header for service in snapshot.services if service.name == name), True)


def one_line(text: str) -> str:
    """`text` without line breaks and other control characters: labels are written by others."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
