"""Services whose backends are the addresses of names."""

from __future__ import annotations

import socket

import pytest

from faststicky.discovery.dns import DnsSource
from faststicky.discovery.dns_names import Names
from faststicky.discovery.file import FileSource
from faststicky.errors import ConfigError, DiscoveryError


class Resolver(dict):
    def __call__(self, host):
        if host not in self:
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        return self[host]


def test_one_service_of_all_names():
    source = DnsSource(["a.x:80", "b.x:81", "a.x:80"], Names(Resolver({"a.x": ["10.0.0.1"], "b.x": ["10.0.0.2"]})))
    try:
        snapshot = source.discover()
    finally:
        source.close()
    (service,) = snapshot.services
    assert [b.id for b in service.backends] == ["http://10.0.0.1:80", "http://10.0.0.2:81"]
    assert service.cookie is not None
    assert [route.service for route in snapshot.routes] == [service.name]
    assert (source.name, snapshot.source, snapshot.warnings) == ("dns a.x:80 b.x:81", source.name, ())


def test_a_real_name():
    source = DnsSource(["localhost:80"])
    try:
        assert source.discover().services[0].backends[0].host in ("127.0.0.1", "::1")
    finally:
        source.close()


def test_what_fails_is_a_warning_unless_nothing_is_known():
    resolver = Resolver()
    source = DnsSource(["a.x:80", "b.x:80"], Names(resolver, interval=0.01))
    try:
        with pytest.raises(DiscoveryError, match=r"dns a.x:80 b.x:80: a.x:80: a.x: try again, b.x:80: .*; see that"):
            source.discover()
        resolver["a.x"] = ["10.0.0.1"]
        while True:
            try:
                snapshot = source.discover()
                break
            except DiscoveryError:
                continue
        (warning,) = snapshot.warnings
        assert (warning.service, warning.label, warning.value) == ("default", "dns", "b.x:80")
        assert warning.text.startswith("b.x: try again; see that the name is right")
    finally:
        source.close()


@pytest.mark.parametrize("names", [[], ["a"]])
def test_what_is_wrong_from_the_start(names):
    with pytest.raises(ConfigError, match="--dns"):
        DnsSource(names)


def test_names_in_a_file(tmp_path):
    path = tmp_path / "proxy.toml"
    path.write_text(
        '[services.web]\nbackends = ["http://10.0.0.9"]\ndns = ["a.x:80"]\n'
        '[services.api]\ndns = "b.x:81"\n[services.old]\nbackends = ["http://10.0.0.8"]\n'
    )
    resolver = Resolver({"a.x": ["10.0.0.1", "10.0.0.2"], "b.x": ["10.0.0.2"]})
    source = FileSource(path, names=Names(resolver))
    try:
        snapshot = source.discover()
        assert {s.name: [b.id for b in s.backends] for s in snapshot.services} == {
            "web": ["http://10.0.0.9:80", "http://10.0.0.1:80", "http://10.0.0.2:80"],
            "api": ["http://10.0.0.2:81"],
            "old": ["http://10.0.0.8:80"],
        }
        path.write_text('[services.api]\ndns = "c.x:81"\n')
        with pytest.raises(DiscoveryError, match=r"c.x: try again"):
            source.discover()
        for wrong, what in (
            ("[services.web]", "no backend; add backends or dns"),
            ('[services.web]\ndns = "c"', r"web\.dns"),
        ):
            path.write_text(wrong)
            with pytest.raises(DiscoveryError, match=what):
                source.discover()
    finally:
        source.close()
