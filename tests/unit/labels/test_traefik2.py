"""Labels of Traefik 2 and 3."""

from __future__ import annotations

import pytest

from faststicky.labels import traefik2
from faststicky.labels.dialects import read
from faststicky.labels.reading import LabelDefaults
from faststicky.model import HealthCheck

ROUTER, SERVICE = "traefik.http.routers.w", "traefik.http.services.w.loadbalancer"
PLAIN = {f"{ROUTER}.rule": "Host(`a.org`)", f"{SERVICE}.server.port": "8000"}


def reading_of(more: dict[str, str] | None = None, **defaults):
    found, warnings = read("stack_web", {**PLAIN, **(more or {})}, LabelDefaults(**defaults))
    return found, [f"{warning.label}: {warning.text}" for warning in warnings]


def test_the_usual_labels():
    found, warnings = reading_of(
        {"traefik.enable": "true", f"{ROUTER}.entrypoints": "websecure", f"{ROUTER}.tls": "true"}
    )
    assert warnings == []
    assert (found.service, found.dialect, found.port, found.network) == ("w@swarm", "traefik2", 8000, "")
    assert (found.weight, found.cookie, found.health, found.pass_host_header) == (1, None, None, True)
    assert found.balancing.balance == "wrr"
    assert found.foreign_cookies == "traefik2"
    assert [(route.name, route.rule, route.service) for route in found.routes] == [
        ("w@swarm", "Host(`a.org`)", "w@swarm")
    ]


def test_keys_are_read_in_any_case():
    found, warnings = read("web", {key.upper(): value for key, value in PLAIN.items()})
    assert (found.service, found.port, warnings) == ("W@swarm", 8000, ())


@pytest.mark.parametrize(
    ("provider", "name", "cookie"),
    [("docker", "stack-web", "_82e56"), ("swarm", "stack-web", "_493a4"), ("swarm", "w", "_c68db")],
)
def test_the_cookies_name_is_the_one_that_traefik_gave_it(provider, name, cookie):
    """Names seen at running Traefiks, 2.11 and 3.7."""
    labels = {f"traefik.http.services.{name}.loadbalancer.server.port": "80"}
    labels[f"traefik.http.services.{name}.loadbalancer.sticky.cookie"] = "true"
    found, warnings = read("x", labels, LabelDefaults(traefik_provider=provider))
    assert (found.cookie.name, warnings) == (cookie, ())


def test_everything_said():
    found, warnings = reading_of(
        {
            "traefik.swarm.network": "net",
            f"{SERVICE}.passhostheader": "false",
            f"{SERVICE}.server.weight": "3",
            f"{SERVICE}.server.scheme": "http",
            f"{SERVICE}.strategy": "p2c",
            f"{SERVICE}.sticky.cookie.name": "id",
            f"{SERVICE}.sticky.cookie.secure": "true",
            f"{SERVICE}.sticky.cookie.httpOnly": "false",
            f"{SERVICE}.sticky.cookie.sameSite": "none",
            f"{SERVICE}.sticky.cookie.maxAge": "60",
            f"{SERVICE}.sticky.cookie.path": "/x",
            f"{SERVICE}.sticky.cookie.domain": "a.org",
            f"{SERVICE}.healthcheck.path": "/h",
            f"{SERVICE}.healthcheck.interval": "10s",
            f"{SERVICE}.healthcheck.timeout": "2s",
            f"{SERVICE}.healthcheck.status": "204",
        }
    )
    assert warnings == []
    assert (found.network, found.weight, found.pass_host_header, found.balancing.balance) == ("net", 3, False, "p2c")
    cookie = found.cookie
    assert (cookie.name, cookie.path, cookie.domain, cookie.max_age) == ("id", "/x", "a.org", 60)
    assert (cookie.secure, cookie.http_only, cookie.same_site) == (True, False, "None")
    assert found.health == HealthCheck(path="/h", interval=10.0, timeout=2.0, rise=1, fall=1, status=((204, 204),))


@pytest.mark.parametrize(
    ("labels", "sticky"),
    [
        ({"sticky.cookie": "true"}, True),
        ({"sticky.cookie": "false"}, False),
        ({"sticky.cookie.secure": "false"}, True),
        ({"sticky": "true"}, False),
        ({"sticky.cookie": "false", "sticky.cookie.name": "x"}, False),
        ({"sticky.cookie": "true", "sticky": "true"}, True),
        ({"sticky.cookie": "true", "sticky": "false"}, False),
        ({}, False),
    ],
)
def test_what_makes_users_stay(labels, sticky):
    found, warnings = reading_of({f"{SERVICE}.{key}": value for key, value in labels.items()})
    assert (found.cookie is not None) is sticky
    assert len(warnings) == ("sticky" in labels and not sticky)


def test_networks_of_both_kinds():
    assert reading_of({"traefik.docker.network": "old"})[0].network == "old"
    found, (warning,) = reading_of({"traefik.docker.network": "old", "traefik.swarm.network": "new"})
    assert found.network == "new"
    assert "traefik.swarm.network is there too" in warning
    assert reading_of(network="default")[0].network == "default"


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({f"{SERVICE}.server.port": "x"}, "not a whole number"),
        ({f"{SERVICE}.server.scheme": "https"}, 'scheme "https" is not supported'),
        ({f"{ROUTER}.rule": "Nothing(`a`)"}, "until then the router is left out"),
    ],
)
def test_services_that_are_left_out(labels, says):
    found, (warning,) = reading_of(labels)
    assert found is None
    assert says in warning


def test_a_missing_port_is_told_with_the_label_to_add():
    found, (warning,) = read("stack_web", {f"{ROUTER}.rule": "Host(`a`)"})
    assert found is None
    assert "traefik.http.services.stack-web.loadbalancer.server.port=8000" in warning.text


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ({f"{SERVICE}.server.weight": "0"}, "drain the tasks"),
        ({f"{SERVICE}.server.scheme": "h2c"}, "HTTP/1.1 is spoken"),
        ({f"{SERVICE}.strategy": "best"}, "wrr, p2c, leasttime, hrw"),
        ({f"{SERVICE}.sticky.cookie.name": "a b"}, "a_b is used"),
        ({f"{SERVICE}.sticky.cookie.name": "a" * 1025}, "longer than 1024 characters"),
        ({f"{SERVICE}.sticky.cookie.samesite": "none"}, "browsers refuse"),
        ({f"{SERVICE}.healthcheck.path": "/", f"{SERVICE}.healthcheck.method": "HEAD"}, "only get is used"),
        ({f"{SERVICE}.healthcheck.path": "/", f"{SERVICE}.healthcheck.mode": "grpc"}, "only http is used"),
        ({f"{SERVICE}.healthcheck.port": "81"}, "no effect without"),
    ],
)
def test_what_is_wrong_and_mended_by_a_default(labels, says):
    found, warnings = reading_of({f"{SERVICE}.sticky.cookie": "true", **labels})
    assert found is not None
    assert [says in warning for warning in warnings] == [True]


def test_of_several_services_the_one_that_a_router_names():
    other = {"traefik.http.services.admin.loadbalancer.server.port": "9000"}
    found, warnings = reading_of({**other, f"{ROUTER}.service": "w"})
    assert found.port == 8000
    (warning,) = warnings
    assert warning.startswith("traefik.http.services.admin.loadbalancer.server.port: only one port")


def test_of_several_services_that_routers_name_the_one_that_is_called_like_the_swarms():
    """Portainer, GitLab: the second one is for agents, or a registry."""
    labels = {}
    for name, port in (("edge", "8000"), ("portainer", "9000"), ("zoo", "1")):
        labels[f"traefik.http.routers.{name}.rule"] = f"Host(`{name}`)"
        labels[f"traefik.http.routers.{name}.service"] = name
        labels[f"traefik.http.services.{name}.loadbalancer.server.port"] = port
    found, warnings = read("x_Portainer", labels)
    assert (found.port, [route.rule for route in found.routes]) == (9000, ["Host(`portainer`)"])
    assert [(one.label.split(".")[2:4], one.label.split(".")[-1]) for one in warnings] == [
        (["services", "edge"], "port"),
        (["services", "zoo"], "port"),
        (["routers", "edge"], "service"),
        (["routers", "zoo"], "service"),
    ]
    assert all("only one port" in warning.text for warning in warnings)
    assert read("x_other", labels)[0].port == 8000


def test_middlewares_of_a_service():
    """Traefik has them from 3.7 on."""
    listed = {"traefik.http.services.w.middlewares": "m"}
    found, (warning,) = reading_of({**listed, "traefik.http.middlewares.m.basicauth.users": "u"})
    assert found is None
    assert warning.startswith("traefik.http.services.w.middlewares: basicauth (m) is not supported")
    assert warning.endswith("until then the service is not routed")
    found, (warning,) = reading_of({**listed, "traefik.http.middlewares.m.compress": "true"})
    assert found is not None
    assert warning.startswith("traefik.http.services.w.middlewares: compress (m): not supported, ignored")
    assert reading_of(listed)[0] is None


def test_services_without_http_are_nobody_to_us():
    found, (warning,) = read("db", {"traefik.enable": "true", "traefik.tcp.routers.db.rule": "HostSNI(`*`)"})
    assert (found, warning.label) == (None, "traefik.tcp.routers.db.rule")


def test_warnings_of_the_network_name_the_label_that_is_there():
    for key in ("traefik.docker.network", "traefik.Swarm.network"):
        assert reading_of({key: "net"})[0].network_label == key
    assert reading_of(traefik_provider="docker")[0].network_label == "traefik.docker.network"


def test_who_is_exposed():
    assert reading_of({"traefik.enable": "false"}) == (None, [])
    assert reading_of(exposed_by_default=False) == (None, [])
    assert reading_of({"traefik.enable": "true"}, exposed_by_default=False)[0] is not None


def test_applies():
    assert traefik2.applies(["Traefik.http.routers.a.rule"])
    assert traefik2.applies(["traefik.tcp.routers.a.rule"])
    assert not traefik2.applies(["traefik.enable", "traefik.docker.network", "traefik.swarm.network", "traefik.port"])
