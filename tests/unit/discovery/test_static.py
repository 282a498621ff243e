"""Backends from flags."""

from __future__ import annotations

import pytest

from faststicky.discovery.static import StaticSource
from faststicky.errors import ConfigError
from faststicky.model import Matcher


def test_one_sticky_service_that_answers_everything():
    source = StaticSource(["http://127.0.0.1:9001", "localhost:9002"])
    snapshot = source.discover()
    (service,) = snapshot.services
    (route,) = snapshot.routes
    assert [(b.id, b.name, b.host, b.port) for b in service.backends] == [
        ("http://127.0.0.1:9001", "127.0.0.1:9001", "127.0.0.1", 9001),
        ("http://localhost:9002", "localhost:9002", "localhost", 9002),
    ]
    assert service.cookie is not None
    assert route.service == service.name
    assert route.alternatives == ((Matcher("path_prefix", ("/",)),),)
    assert snapshot.same_as(source.discover())
    assert snapshot.source == "flags"


@pytest.mark.parametrize("urls", [[], ["ftp://a"], ["a:80", "http://a"]])
def test_wrong_flags(urls):
    with pytest.raises(ConfigError) as caught:
        StaticSource(urls)
    assert caught.value.where == "--backend"
