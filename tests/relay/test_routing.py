"""A request is routed by the very bytes that are forwarded (the class of CVE-2025-66490)."""

from __future__ import annotations

import pytest

from relay.lab import Lab, ok, route, service, table

ROUTES = [
    route("web", 5, ("path", "/")),
    route("web", 4, ("path_prefix", "/web")),
    route("options", 3, ("path", "*")),
    route("other", 2, ("host", "other.example")),
]


@pytest.mark.parametrize(
    ("request_line", "host", "name", "forwarded"),
    [
        (b"GET / HTTP/1.1", b"a", "web", b"GET / HTTP/1.1"),
        (b"GET /?x HTTP/1.1", b"a", "web", b"GET /?x HTTP/1.1"),
        (b"GET http://a HTTP/1.1", b"a", "web", b"GET / HTTP/1.1"),
        (b"GET http://a?x HTTP/1.1", b"a", "web", b"GET /?x HTTP/1.1"),
        (b"OPTIONS http://a?x HTTP/1.1", b"a", "web", b"OPTIONS /?x HTTP/1.1"),
        (b"OPTIONS http://a HTTP/1.1", b"a", "options", b"OPTIONS * HTTP/1.1"),
        (b"OPTIONS * HTTP/1.1", b"a", "options", b"OPTIONS * HTTP/1.1"),
        (b"GET /web/../x HTTP/1.1", b"a", "web", b"GET /web/../x HTTP/1.1"),
        (b"GET /web%2f..%2fx HTTP/1.1", b"a", "web", b"GET /web%2f..%2fx HTTP/1.1"),
        (b"GET /x HTTP/1.1", b"OTHER.example:80", "other", b"GET /x HTTP/1.1"),
        (b"GET http://Other.Example/x HTTP/1.1", b"other.example", "other", b"GET /x HTTP/1.1"),
        (b"GET /x HTTP/1.1", b"other.example.", "other", b"GET /x HTTP/1.1"),
    ],
)
def test_route(lab: Lab, request_line: bytes, host: bytes, name: str, forwarded: bytes) -> None:
    names = ["web", "options", "other"]
    for each in names:
        lab.backend(each)
    services = [service([backend], name=backend.name) for backend in lab.backends]
    proxy = lab.proxy(table(*services, routes=ROUTES))
    client = proxy.client()
    client.send(request_line + b"\r\nHost: " + host + b"\r\n\r\n")
    peer = lab.backends[names.index(name)].accept()
    assert peer.request().start == forwarded


@pytest.mark.parametrize("path", [b"/x", b"/WEB", b"/%77eb", b"//web", b"/./web", b"/we"])
def test_what_no_rule_names_is_404(lab: Lab, path: bytes) -> None:
    services = [service([lab.backend(each)], name=each) for each in ("web", "options", "other")]
    proxy = lab.proxy(table(*services, routes=ROUTES))
    client = proxy.client()
    client.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
    answer = client.answer()
    assert (answer.status, answer.closes) == (404, False)
    assert not proxy.counters()["connects"]


def test_asterisk_form_goes_where_the_root_goes(lab: Lab) -> None:
    """It has no path that a prefix could be of (RFC 9112, 3.2.4): without a rule for it, whoever has the root answers."""
    services = [service([lab.backend(each)], name=each) for each in ("web", "other")]
    routes = [route("web", 5, ("path_prefix", "/")), route("other", 4, ("path_prefix", "/other"))]
    proxy = lab.proxy(table(*services, routes=routes))
    client = proxy.client()
    for target in (b"*", b"http://a"):
        client.send(b"OPTIONS %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
    peer = lab.backends[0].accept()
    for _ in range(2):
        assert peer.request().start == b"OPTIONS * HTTP/1.1"
        peer.send(ok())
        assert client.answer().body == b"ok"
