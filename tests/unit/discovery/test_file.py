"""Backends from a TOML file: what it means, what is wrong with it, and that changes are seen."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.discovery.file import MAX_SIZE, FileSource, read
from faststicky.errors import DiscoveryError
from faststicky.labels.cookies import native_default_name
from faststicky.model import HealthCheck, Matcher, Snapshot

ONE = '[services.web]\nbackends = ["http://127.0.0.1:{port}"]\n'


def parsed(text: str) -> Snapshot:
    return read(text.encode(), "file a.toml").snapshot


def test_one_service_needs_no_route():
    snapshot = parsed(ONE.format(port=1))
    (service,) = snapshot.services
    assert service.cookie is not None
    assert service.cookie.name == native_default_name("web")
    assert [r.service for r in snapshot.routes] == ["web"]
    assert snapshot.warnings == ()


def test_everything():
    snapshot = parsed(
        """
        [services.web]
        backends = ["http://h1:8000", { url = "h2", name = "two", weight = 3 }]
        pass_host_header = false
        cookie = { name = "c", path = "/p", domain = "d.org", secure = true, same_site = "None", max_age = 60 }
        [services.api]
        backends = ["h3"]
        sticky = false
        [services.lost]
        backends = ["h4"]
        [[routes]]
        name = "r1"
        rule = "Host(`a.org`) || Method(`POST`)"
        service = "web"
        priority = 9
        [[routes]]
        host = ["b.org", "*.c.org"]
        path_prefix = "/x"
        service = "api"
        """
    )
    web, api, _ = snapshot.services
    assert [(b.id, b.name, b.weight) for b in web.backends] == [
        ("http://h1:8000", "h1:8000", 1),
        ("http://h2:80", "two", 3),
    ]
    assert not web.pass_host_header
    assert (web.cookie.name, web.cookie.same_site, web.cookie.max_age, web.cookie.secure) == ("c", "None", 60, True)
    assert api.cookie is None
    first, second = snapshot.routes
    assert (first.name, first.priority, len(first.alternatives)) == ("r1", 9, 2)
    assert second.rule == "Host(`b.org`, `*.c.org`) && PathPrefix(`/x`)"
    assert second.alternatives[0] == (Matcher("host", ("b.org",)), Matcher("path_prefix", ("/x",)))
    assert [w.service for w in snapshot.warnings] == ["lost"]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("a =\n", "file a.toml", "line 1"),
        ("[services.web]\nbackends = [\n'x'\n]\nx == 1", "file a.toml", "line 5"),
        ("", "file a.toml", "`services`"),
        ("servces = 1", "file a.toml", "did you mean services?"),
        ("[services]", "file a.toml, services", "length >= 1"),
        ("[services.web]\nbackends=[]", "file a.toml, services.web.backends", "length >= 1"),
        ("[services.web]\nbackends=['x']\ncokie=1", "file a.toml, services.web", "did you mean cookie?"),
        ("[services.web]\nbackends=['x']\ncookie={nam='x'}", "file a.toml, services.web.cookie", "did you mean name?"),
        ("[services.web]\nbackends=['x']\ncookie={same_site='x'}", "file a.toml, services.web.cookie", "lax, strict"),
        (
            "[services.web]\nbackends=['x']\ncookie={max_age='long'}",
            "file a.toml, services.web.cookie",
            "not a duration",
        ),
        ("[services.web]\nbackends=[{url='x', weight=0}]", "file a.toml, services.web.backends[0].weight", '"0"'),
        (
            "[services.web]\nbackends=[{url='x', wight=1}]",
            "file a.toml, services.web.backends[0]",
            "did you mean weight?",
        ),
        ("[services.web]\nbackends=['x']\nsticky='yes'", "file a.toml, services.web.sticky", '"yes"'),
        ("[services.web]\nbackends=['https://x']", "file a.toml, services.web.backends", "only http"),
        ("[services.web]\nbackends=['x','x:80']", "file a.toml, services.web.backends", "twice"),
        ("[services.web]\nbackends=['x']\n[[routes]]\nservice='wb'\nhost='a'", "file a.toml, routes[0]", "no service"),
        ("[services.web]\nbackends=['x']\n[[routes]]\nservice='web'", "file a.toml, routes[0]", "either rule or host"),
        (
            "[services.web]\nbackends=['x']\n[[routes]]\nservice='web'\nrule='Host(`a`)'\nhost='a'",
            "file a.toml, routes[0]",
            "either rule or host",
        ),
        (
            "[services.web]\nbackends=['x']\n[[routes]]\nservice='web'\nrule='Hos(`a`)'",
            "file a.toml, routes[0]",
            "Host?",
        ),
        (
            "[services.web]\nbackends=['x']\n[[routes]]\nservice='web'\npriority='a'",
            "file a.toml, routes[0].priority",
            '"a"',
        ),
    ],
)
def test_what_is_wrong_is_said(text, where, says):
    with pytest.raises(DiscoveryError) as caught:
        parsed(text)
    assert caught.value.where == where
    assert says in str(caught.value)
    assert caught.value.remedy


def test_not_utf8_and_too_large():
    with pytest.raises(DiscoveryError, match="line 2"):
        read(b"\n\xff", "f")
    with pytest.raises(DiscoveryError, match="larger"):
        read(b" " * (MAX_SIZE + 1), "f")


def outcome(data: bytes):
    try:
        return read(data, "f").snapshot
    except DiscoveryError as error:
        return error


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda t: (ONE.format(port=1) + t).encode())))
def test_any_bytes_are_a_configuration_or_a_discovery_error(data):
    assert isinstance(outcome(data), Snapshot | DiscoveryError)


def test_changes_are_seen_however_they_are_saved(tmp_path):
    path = tmp_path / "proxy.toml"
    path.write_text(ONE.format(port=1))
    source = FileSource(path)
    first = source.discover()
    assert source.discover() is first

    stat = path.stat()
    path.write_text(ONE.format(port=2))  # in place: same inode and size
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # even within one tick of the clock
    assert source.discover().services[0].backends[0].port == 2

    other = tmp_path / "new"
    other.write_text(ONE.format(port=3))
    other.replace(path)  # as editors do
    assert source.discover().services[0].backends[0].port == 3


def test_a_broken_file_is_an_error_until_it_is_mended(tmp_path):
    path = tmp_path / "proxy.toml"
    source = FileSource(path)
    with pytest.raises(DiscoveryError, match="No such file"):
        source.discover()
    path.write_text("[services.web")
    for _ in range(2):
        with pytest.raises(DiscoveryError, match="line 1"):
            source.discover()
    path.write_text(ONE.format(port=1))
    assert source.discover().source == f"file {path}"
    path.unlink()
    with pytest.raises(DiscoveryError, match="No such file"):
        source.discover()


def test_the_file_alone_asks_nobody(tmp_path):
    path = tmp_path / "proxy.toml"
    path.write_text('[services.web]\ndns = "no-such-name.invalid:80"\n')
    source = FileSource(path)
    assert [service.backends for service in source.content().snapshot.services] == [()]
    source.close()


def test_health_checks(tmp_path):
    def health(text: str):
        path = tmp_path / "proxy.toml"
        path.write_text(f'[services.web]\nbackends = ["http://10.0.0.5:8000"]\nhealth = {text}\n')
        return FileSource(path).discover().services[0].health

    assert health('{ path = "/up", interval = 1.5, status = "204" }') == HealthCheck(
        path="/up", interval=1.5, status=((204, 204),)
    )
    for wrong, what in (
        ('{ path = "up" }', r"services\.web\.health: .*not a path"),
        ('{ interval = "1s" }', r"services\.web.*missing required field `path`"),
        ('{ path = "/", intervall = "1s" }', r"unknown field intervall; did you mean interval"),
        ('{ path = "/", fall = 0 }', r"services\.web\.health\.fall: .*>= 1"),
    ):
        with pytest.raises(DiscoveryError, match=what):
            health(wrong)
