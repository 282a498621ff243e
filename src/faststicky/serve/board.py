"""Services, backends and sessions as the admin API shows them: the snapshot in force joined with what was counted."""

from __future__ import annotations

from typing import Any

import msgspec

from faststicky.control.overrides import Drained
from faststicky.control.reasons import why
from faststicky.model import Backend, CookiePolicy, Service, Snapshot
from faststicky.observe.histogram import Histogram
from faststicky.observe.numbers import Numbers, hit_rate
from faststicky.observe.sample import Sample, ServiceSample
from faststicky.observe.stats_lines import answers, latency
from faststicky.serve.api_types import (
    BackendInfo,
    BackendSessions,
    CookieInfo,
    Counts,
    Latency,
    ListedBackend,
    RouteInfo,
    ServiceInfo,
    ServiceSessions,
)

_NOTHING = ServiceSample(name="", numbers=Numbers(), first_byte=Histogram(), total=Histogram())


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """One moment. totals and lately are None before the first samples."""

    generation: int
    snapshot: Snapshot | None
    drained: dict[str, Drained]
    totals: Sample | None
    lately: Sample | None

    def services(self) -> list[ServiceInfo]:
        """In the snapshot's order."""
        return [self._service(service) for service in (self.snapshot.services if self.snapshot else ())]

    def backends(self) -> list[ListedBackend]:
        """Of all services."""
        return [
            ListedBackend(service=service.name, **_fields(backend))
            for service in self.services()
            for backend in service.backends
        ]

    def routes(self) -> list[RouteInfo]:
        """In the snapshot's order."""
        return [
            RouteInfo(name=route.name, rule=route.rule, service=route.service, priority=route.priority)
            for route in (self.snapshot.routes if self.snapshot else ())
        ]

    def sessions(self) -> list[ServiceSessions]:
        """Of sticky services."""
        return [
            ServiceSessions(
                service=service.name,
                sessions=service.counts.sessions,
                outcomes=service.outcomes,
                hit_rate=service.hit_rate,
                backends=[
                    BackendSessions(
                        id=backend.id,
                        name=backend.name,
                        node=backend.node,
                        state=backend.state,
                        sessions=backend.counts.sessions,
                        in_flight=backend.counts.in_flight,
                    )
                    for backend in service.backends
                ],
            )
            for service in self.services()
            if service.sticky
        ]

    def _service(self, service: Service) -> ServiceInfo:
        total = self.totals.services.get(service.name, _NOTHING) if self.totals else _NOTHING
        lately = self.lately.services.get(service.name, _NOTHING) if self.lately else _NOTHING
        seconds = self.lately.seconds if self.lately else 0.0
        return ServiceInfo(
            name=service.name,
            sticky=service.cookie is not None,
            cookie=cookie_info(service.cookie) if service.cookie else None,
            removed=service.removed,
            counts=counts(total.numbers, lately.numbers, seconds),
            answers=answers(total.numbers),
            failures=total.numbers.failures,
            bytes_in=total.numbers.bytes_in,
            bytes_out=total.numbers.bytes_out,
            outcomes=total.numbers.outcomes,
            hit_rate=hit_rate(total.numbers.outcomes),
            first_byte_ms=_latency(lately.first_byte),
            total_ms=_latency(lately.total),
            backends=[self._backend(service, backend, total, lately, seconds) for backend in service.backends],
        )

    def _backend(
        self, service: Service, backend: Backend, total: ServiceSample, lately: ServiceSample, seconds: float
    ) -> BackendInfo:
        task, recent = total.tasks.get(backend.id), lately.tasks.get(backend.id)
        return BackendInfo(
            id=backend.id,
            name=backend.name,
            host=backend.host,
            port=backend.port,
            weight=backend.weight,
            state=backend.state,
            why=why(service, backend),
            drained=backend.id in self.drained,
            slot=backend.slot,
            node=backend.node,
            counts=counts(task.numbers if task else Numbers(), recent.numbers if recent else Numbers(), seconds),
        )


def counts(total: Numbers, lately: Numbers, seconds: float) -> Counts:
    """lately: what was counted in the last `seconds`."""
    return Counts(
        requests=total.requests,
        rate=round(lately.requests / seconds, 2) if seconds else 0.0,
        errors=total.answers[5],
        sessions=total.sessions(),
        in_flight=total.in_flight,
        queued=total.queued,
        retries=total.retries,
        connect_errors=total.connect_errors,
        resets=total.resets,
        ejections=total.ejections,
        ejected=total.ejected,
    )


def cookie_info(policy: CookiePolicy) -> CookieInfo:
    """Name and attributes."""
    return CookieInfo(**_fields(policy))


def _latency(histogram: Histogram) -> Latency:
    values = latency(histogram)
    return Latency(p50=values["p50"], p90=values["p90"], p99=values["p99"], p99_9=values["p99.9"], max=values["max"])


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
