from __future__ import annotations

import pytest

from faststicky.check.meanings import MEANINGS, meaning_of
from faststicky.labels import interlock, native, traefik1, traefik2_keys
from faststicky.labels.dialects import explain


def test_every_label_has_a_meaning():
    assert (
        MEANINGS.keys()
        == {f"faststicky.{key}" for key in native.KEYS} | traefik1.KNOWN | traefik2_keys.UNDERSTOOD | interlock.KEYS
    )


NATIVE = {
    "enable": ("yes", "the service is routed"),
    "port": ("8000", "requests go to port 8000 of each task"),
    "network": ("app", "tasks are reached on network app"),
    "rule": ("PathPrefix(`/`)", "every request"),
    "priority": ("7", "priority 7 (the highest one is tried first)"),
    "weight": ("2", "each task has weight 2"),
    "sticky": ("on", "users stay on their task"),
    "drain": ("stay", "users keep a task that is being stopped until it has ended"),
    "hold": ("1500ms", "a request waits up to 1500ms while no task can take it"),
    "cookie.name": ("id", "the cookie is called id"),
    "cookie.path": ("/x", "the cookie is for paths below /x"),
    "cookie.domain": (".A.org", "the cookie is for a.org and all hosts below"),
    "cookie.secure": ("false", "the cookie is sent without TLS, too (never Secure)"),
    "cookie.http-only": ("0", "scripts can read the cookie (no HttpOnly)"),
    "cookie.same-site": ("strict", "SameSite=Strict"),
    "cookie.max-age": ("8h", "the cookie lives for 8h"),
    "health.path": ("/health", "the proxy asks each task for /health"),
    "health.port": ("81", "health checks go to port 81"),
    "health.host": ("a.org", "health checks ask for host a.org"),
    "health.interval": ("5", "5s between two health checks"),
    "health.timeout": ("2s", "a health check may take 2s"),
    "health.rise": ("2", "2 successes in a row and a task is well again"),
    "health.fall": ("3", "3 failures in a row and a task is left"),
    "health.status": ("200-299,404", "good answers of health checks: 200 to 299, 404"),
    "balance": ("hash", "new users are spread by hash"),
    "hash": ("header:X-User", "what is hashed: header:X-User"),
    "max-concurrent": ("9", "at most 9 requests at a time on each task, for each worker"),
    "max-queued": ("8", "at most 8 requests wait for a full task"),
    "queue-timeout": ("4s", "a request waits up to 4s for a full task"),
    "slow-start": ("30s", "a new task comes to its full share within 30s"),
    "prefer": ("node", "new users go to tasks on the proxy's own node first"),
}
TRAEFIK = {
    "traefik.enable": ("true", "the service is routed"),
    "traefik.port": ("80", "requests go to port 80 of each task"),
    "traefik.weight": ("3", "each task has weight 3"),
    "traefik.protocol": ("http", "tasks are spoken to by http"),
    "traefik.backend": ("app", "services that say app share their tasks"),
    "traefik.domain": ("a.org", "host of a service without a rule: SERVICE.a.org"),
    "traefik.docker.network": ("net", "tasks are reached on network net"),
    "traefik.frontend.rule": ("Host:a.org;PathPrefix:/x", "the host is a.org and the path begins with /x"),
    "traefik.frontend.priority": ("0", "the rule's length is its priority"),
    "traefik.frontend.passHostHeader": ("false", "tasks see their own address as host"),
    "traefik.backend.loadbalancer.method": ("WRR", "new users are spread by wrr"),
    "traefik.backend.loadbalancer.sticky": ("true", "users stay, by the cookie _TRAEFIK_BACKEND"),
    "traefik.backend.loadbalancer.stickiness": ("t", "users stay on their task"),
    "traefik.backend.loadbalancer.stickiness.cookieName": ("id", "the cookie is called id"),
    "traefik.backend.loadbalancer.stickiness.secure": ("true", "browsers send the cookie over TLS only (Secure): without"),
    "traefik.backend.loadbalancer.stickiness.httpOnly": ("true", "scripts cannot read the cookie (HttpOnly)"),
    "traefik.backend.loadbalancer.stickiness.sameSite": ("lax", "SameSite=Lax"),
    "traefik.backend.healthcheck.path": ("/h", "the proxy asks each task for /h"),
    "traefik.backend.healthcheck.port": ("0", "health checks go to the service's port"),
    "traefik.backend.healthcheck.hostname": ("a", "health checks ask for host a"),
    "traefik.backend.healthcheck.interval": ("10s", "10s between two health checks"),
    "traefik.backend.healthcheck.scheme": ("http", "health checks are made by http"),
}  # fmt: skip
ROUTER, SERVICE = "traefik.http.routers.Web", "traefik.http.services.Web.LoadBalancer"
LATER = {
    "traefik.enable": ("true", "the service is routed"),
    "traefik.swarm.network": ("net", "tasks are reached on network net"),
    f"{ROUTER}.rule": ("Host(`a.org`) || HostRegexp(`.+`)", "every request"),
    f"{ROUTER}.priority": ("9", "priority 9"),
    f"{ROUTER}.service": ("web", "the router leads to service web"),
    f"{SERVICE}.server.port": ("80", "requests go to port 80 of each task"),
    f"{SERVICE}.server.scheme": ("http", "tasks are spoken to by http"),
    f"{SERVICE}.server.weight": ("3", "each task has weight 3"),
    f"{SERVICE}.passHostHeader": ("false", "tasks see their own address as host"),
    f"{SERVICE}.strategy": ("leasttime", "new users are spread by least"),
    f"{SERVICE}.sticky.cookie": ("true", "users stay on their task"),
    f"{SERVICE}.sticky.cookie.name": ("id", "the cookie is called id"),
    f"{SERVICE}.sticky.cookie.path": ("/x", "the cookie is for paths below /x"),
    f"{SERVICE}.sticky.cookie.domain": ("a.org", "the cookie is for a.org and all hosts below"),
    f"{SERVICE}.sticky.cookie.secure": ("false", "the cookie is sent without TLS, too"),
    f"{SERVICE}.sticky.cookie.httpOnly": ("false", "scripts can read the cookie"),
    f"{SERVICE}.sticky.cookie.sameSite": ("strict", "SameSite=Strict"),
    f"{SERVICE}.sticky.cookie.maxAge": ("3600", "the cookie lives for 1h"),
    f"{SERVICE}.healthcheck.path": ("/h", "the proxy asks each task for /h"),
    f"{SERVICE}.healthcheck.port": ("81", "health checks go to port 81"),
    f"{SERVICE}.healthcheck.hostname": ("a", "health checks ask for host a"),
    f"{SERVICE}.healthcheck.interval": ("10s", "10s between two health checks"),
    f"{SERVICE}.healthcheck.timeout": ("3s", "a health check may take 3s"),
    f"{SERVICE}.healthcheck.status": ("204", "good answers of health checks: 204"),
    f"{SERVICE}.healthcheck.scheme": ("http", "health checks are made by http"),
    f"{SERVICE}.healthcheck.mode": ("http", "health checks are made by http"),
    f"{SERVICE}.healthcheck.method": ("GET", "health checks are GET requests"),
}
INTERLOCK = {
    "com.docker.lb.hosts": ("a.org,b.org", "the host is a.org or b.org"),
    "com.docker.lb.port": ("80", "requests go to port 80 of each task"),
    "com.docker.lb.network": ("net", "tasks are reached on network net"),
    "com.docker.lb.context_root": ("/x", "the path begins with /x"),
    "com.docker.lb.context_root_rewrite": ("false", "the path stays as it is"),
    "com.docker.lb.sticky_session_cookie": ("id", "users stay on their task, by a cookie of the proxy's own; id stays"),
    "com.docker.lb.ip_hash": ("true", "new users are spread by the address of the client"),
    "com.docker.lb.default_backend": ("true", "what no other route takes comes here"),
    "com.docker.lb.ssl_passthrough": ("false", "tasks are spoken to by plain HTTP"),
    "com.docker.lb.ssl_backend": ("false", "tasks are spoken to by plain HTTP"),
}


@pytest.mark.parametrize(
    "given",
    [{f"faststicky.{key}": said for key, said in NATIVE.items()}, TRAEFIK, LATER, INTERLOCK],
    ids=["native", "traefik1", "traefik2", "interlock"],
)
def test_what_the_readers_make_of_them(given):
    """All labels of a dialect at once, as the proxy reads them."""
    explained = explain("web", {key: value for key, (value, _) in given.items()})
    assert {key if key in MEANINGS else traefik2_keys.shape_of(key) for key in given} <= MEANINGS.keys()
    assert explained.values.keys() == given.keys()
    for key, (_, meaning) in given.items():
        assert meaning_of(key, explained.values[key]).startswith(meaning), key


@pytest.mark.parametrize(
    ("key", "value", "meaning"),
    [
        ("Faststicky.Sticky", False, "users are spread anew with every request"),
        ("faststicky.cookie.max-age", 0, "the cookie lives as long as the browser"),
        ("faststicky.max-concurrent", 0, "no limit"),
        ("faststicky.hash", "", "what is hashed: the address of the client"),
        ("faststicky.prefer", False, "all nodes are alike"),
        ("faststicky.drain", "leave", "users are moved shortly before their task is stopped"),
    ],
)
def test_other_values(key, value, meaning):
    assert meaning_of(key, value) == meaning
