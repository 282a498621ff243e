"""Small snapshots for tests."""

from __future__ import annotations

from faststicky.labels.rules import parse_expression
from faststicky.model import Backend, CookiePolicy, Route, Service, Snapshot, Warning


def backend(ident: str, **more: object) -> Backend:
    fields = {"name": f"web.{ident}@node1", "host": "10.0.0.5", "port": 8000, **more}
    return Backend(id=ident, **fields)  # type: ignore[arg-type]


def service(*backends: Backend, name: str = "web", sticky: bool = True) -> Service:
    return Service(name=name, backends=backends, cookie=CookiePolicy(name="_a49bc") if sticky else None)


def snapshot(*services: Service, cluster_id: str = "c1", warnings: tuple[Warning, ...] = ()) -> Snapshot:
    routes = tuple(
        Route(
            name=s.name,
            rule="PathPrefix(`/`)",
            service=s.name,
            priority=1,
            alternatives=parse_expression("PathPrefix(`/`)"),
        )
        for s in services
    )
    return Snapshot(services=services, routes=routes, source="test", cluster_id=cluster_id, warnings=warnings)
