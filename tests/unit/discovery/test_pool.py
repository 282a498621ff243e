"""Services that share their backends, and routes that collide."""

from __future__ import annotations

from faststicky.discovery.pool import Found, assemble, members
from faststicky.labels.dialects import read
from faststicky.model import Backend


def found(name, labels, *backends):
    reading, warnings = read(name, labels)
    assert warnings == ()
    return Found(name, reading, tuple(Backend(id=b, name=b, host="10.0.0.1", port=80) for b in backends))


def traefik(rule="Host:a", **more):
    return {"traefik.port": "80", "traefik.frontend.rule": rule, **{"traefik." + k: v for k, v in more.items()}}


def test_services_with_one_backend_name_share_their_backends():
    services, routes, warnings = assemble(
        [
            found("blue", traefik("Host:b", backend="app"), "b1"),
            found("green", traefik("Host:g", backend="app"), "g1"),
            found("apple", traefik("Host:a"), "a1"),
        ]
    )
    assert [(s.name, [b.id for b in s.backends]) for s in services] == [
        ("backend-app", ["b1", "g1"]),
        ("backend-apple", ["a1"]),
    ]
    assert [(r.name, r.service) for r in routes] == [
        ("frontend-Host-a-0", "backend-apple"),
        ("frontend-Host-b-0", "backend-app"),
        ("frontend-Host-g-0", "backend-app"),
    ]
    assert warnings == []


def test_the_first_by_name_decides_how_a_pool_is_stuck():
    sticky = traefik(backend="app") | {"traefik.backend.loadbalancer.stickiness": "true"}
    services, routes, warnings = assemble([found("z", traefik(backend="app"), "z1"), found("a", sticky, "a1")])
    assert services[0].cookie is not None
    assert len(routes) == 1  # the same rule to the same service
    assert [(w.service, w.label) for w in warnings] == [("z", "traefik.backend")]


def test_the_order_of_the_source_does_not_matter():
    some = [found(n, traefik(f"Host:{n}"), n) for n in "dacb"]
    assert assemble(some) == assemble(some[::-1])


def test_equal_rules_are_told_of_and_names_stay_apart():
    _, routes, warnings = assemble([found("a", traefik("PathPrefix:/")), found("b", traefik("PathPrefix:/"))])
    assert [(r.name, r.service) for r in routes] == [
        ("frontend-PathPrefix-0", "backend-a"),
        ("frontend-PathPrefix-1", "backend-b"),
    ]
    assert [(w.service, w.label) for w in warnings] == [("b", "rule")]
    assert "backend-a" in warnings[0].text


def test_a_native_service_does_not_fall_into_a_traefik_pool():
    native = {"faststicky.port": "80", "faststicky.rule": "Host(`n`)"}
    services, routes, warnings = assemble([found("web", traefik()), found("backend-web", native, "n1")])
    assert [(s.name, len(s.backends)) for s in services] == [("backend-web", 1)]
    assert [r.rule for r in routes] == ["Host(`n`)"]
    assert [w.service for w in warnings] == ["web"]


def test_a_removed_service_gives_way():
    old = found("a", traefik("PathPrefix:/"), "a1")._replace(removed=True)
    services, routes, warnings = assemble([old])
    assert [(s.name, s.removed) for s in services] == [("backend-a", True)]
    assert [r.service for r in routes] == ["backend-a"]
    services, routes, warnings = assemble([old, found("b", traefik("PathPrefix:/"), "b1")])
    assert [(s.name, s.removed) for s in services] == [("backend-a", True), ("backend-b", False)]
    assert [r.service for r in routes] == ["backend-b"]
    assert warnings == []


def test_a_removed_service_may_end_in_the_pool_of_a_living_one():
    old = found("blue", traefik(backend="app"), "b1")._replace(removed=True)
    services, _, _ = assemble([old, found("green", traefik(backend="app"), "g1")])
    assert [(s.removed, [b.id for b in s.backends]) for s in services] == [(False, ["g1", "b1"])]


def test_a_service_without_tasks_keeps_its_route():
    services, routes, _ = assemble([found("web", traefik())])
    assert services[0].backends == ()
    assert len(routes) == 1


def test_who_is_behind_each_service_of_the_table():
    native = {"faststicky.port": "80", "faststicky.rule": "Host(`n`)"}
    some = [
        found("green", traefik("Host:g", backend="app")),
        found("blue", traefik("Host:b", backend="app")),
        found("one", native),
        found("two", traefik("Host:t", backend="app")),
    ]
    assert members(some) == {"backend-app": ["blue", "green", "two"], "one": ["one"]}
    clash = [found("backend-a", native), found("x", traefik("Host:x", backend="a"))]
    assert members(clash) == {"backend-a": ["backend-a"]}  # the other one is not routed, as assemble warns
    assert [w.service for w in assemble(clash)[2]] == ["x"]


def test_services_of_later_traefiks_with_one_name_share_their_backends():
    labels = {"traefik.http.services.app.loadbalancer.server.port": "80"}
    blue = found("blue", {**labels, "traefik.http.routers.b.rule": "Host(`b`)"}, "b1")
    green = found("green", {**labels, "traefik.http.routers.g.rule": "Host(`g`)"}, "g1")
    services, routes, warnings = assemble([blue, green])
    assert [(s.name, [b.id for b in s.backends]) for s in services] == [("app@swarm", ["b1", "g1"])]
    assert [(r.name, r.service) for r in routes] == [("b@swarm", "app@swarm"), ("g@swarm", "app@swarm")]
    assert warnings == []
    sticky = found("sticky", {**labels, "traefik.http.services.app.loadbalancer.sticky.cookie": "true"})
    assert [w.label for w in assemble([blue, sticky])[2]] == ["traefik.http.services.app.loadbalancer.sticky.cookie"]
