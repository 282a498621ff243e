"""Following others: what is served when they change, fail or differ."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from faststicky.discovery import feed
from faststicky.discovery.dns_names import Name
from faststicky.discovery.feed import FeedSource, parse
from faststicky.errors import ConfigError, DiscoveryError
from patience import seconds
from unit.control.worlds import backend, service, snapshot
from unit.discovery.feeding import KEY, OTHER, origin

ONE = snapshot(service(backend("a")))
TWO = snapshot(service(backend("a"), backend("b")))
PATIENCE = seconds(60.0)


@pytest.fixture
def follow():
    made = []

    def follow(*peers: str, keys=(KEY,), **more) -> tuple[FeedSource, threading.Event]:
        source, news = FeedSource(peers, keys, **more), threading.Event()
        source.watch(news.set)
        made.append(source)
        return source, news

    yield follow
    for source in made:
        source.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "feed"]


def backends(source: FeedSource) -> list[str]:
    return [b.id for s in source.discover().services for b in s.backends]


def until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_published_arrives(follow):
    with origin(ONE) as running:
        source, news = follow(running.place)
        snapshot = source.discover()
        assert snapshot.source == source.name == f"feed {running.place}"
        assert snapshot.services == ONE.services
        assert source.discover() is snapshot
        news.clear()
        running.publish(TWO)
        assert news.wait(PATIENCE)
        assert backends(source) == ["a", "b"]


def test_another_one_is_followed_when_one_ends(follow):
    with origin(ONE) as other:
        with origin(ONE) as one:
            source, _ = follow(one.place, other.place)
            assert backends(source) == ["a"]
        other.publish(TWO)
        until(lambda: backends(source) == ["a", "b"])


def test_what_was_received_stays_and_silence_becomes_an_error(follow, monkeypatch):
    with origin(ONE) as running:
        source, _ = follow(running.place)
        assert backends(source) == ["a"]
        place = running.place
    assert backends(source) == ["a"]
    monkeypatch.setattr(feed, "LOST", 0.0)
    with pytest.raises(DiscoveryError, match=r"nobody answers any more: .*; see that"):
        source.discover()
    monkeypatch.setattr(feed, "LOST", 10.0)
    with origin(TWO, address=place):
        until(lambda: backends(source) == ["a", "b"])


def test_other_keys_are_named(follow):
    with origin(ONE) as running:
        source, _ = follow(running.place, keys=(OTHER,))
        with pytest.raises(DiscoveryError, match=r"127.0.0.1:\d+: it has another key; give both"):
            source.discover()


def test_names_stand_for_tasks(follow):
    asked = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        if host == "tasks.proxy":
            return ["127.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with origin(ONE) as running:
        port = running.place.rpartition(":")[2]
        source, _ = follow(f"proxy:{port}", "no.such:1", resolve=resolve)
        assert backends(source) == ["a"]
        assert set(asked) == {"tasks.proxy", "no.such"}
    unknown, _ = follow("no.such:1", resolve=resolve)
    with pytest.raises(DiscoveryError, match=r"no.such:1: not known"):
        unknown.discover()


@pytest.mark.parametrize(
    ("text", "peer"),
    [
        ("tasks.proxy:7070", Name("tasks.proxy", 7070)),
        ("http://proxy:7070/", Name("proxy", 7070)),
        ("10.0.0.5:7070", Name("10.0.0.5", 7070)),
        ("[FD00::1]:7070", Name("fd00::1", 7070)),
    ],
)
def test_peers(text, peer):
    assert parse(text) == peer


@pytest.mark.parametrize("text", ["proxy", "10.0.0.5", "10.0.0.5:0", "https://proxy:1", "proxy:x", ""])
def test_what_is_no_peer(text):
    with pytest.raises(ConfigError, match="--feed: "):
        parse(text)
