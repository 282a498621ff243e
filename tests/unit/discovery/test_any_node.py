"""On a manager the Swarm, on a worker a peer; nodes change sides."""

from __future__ import annotations

import pytest

from faststicky.discovery import any_node
from faststicky.discovery.any_node import AnyNodeSource
from faststicky.discovery.feed import FeedSource
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import DiscoveryError
from unit.control.worlds import backend, service, snapshot
from unit.discovery import engine as fake
from unit.discovery.feeding import KEY, origin

ONE = snapshot(service(backend("a")))
OWN = "1234567890ab"


@pytest.fixture
def make(engine):
    made, asked = [], []

    def make(place: str = "127.0.0.1:1", own_ids=(OWN,)) -> tuple[AnyNodeSource, list[str]]:
        def follow(name: str) -> FeedSource:
            asked.append(name)
            return FeedSource([place], (KEY,))

        source = AnyNodeSource(SwarmSource(engine.endpoint, own_ids=()), engine.endpoint, follow, own_ids=own_ids)
        made.append(source)
        return source, asked

    yield make
    for source in made:
        source.close()


@pytest.fixture
def worker(engine):
    engine.manager = False
    labels = {"com.docker.swarm.service.name": "proxy"}
    engine.containers[OWN] = {"Id": OWN, "Config": {"Labels": labels}, "NetworkSettings": {"Networks": {}}}
    return engine


def test_on_a_manager_it_is_the_swarm(engine, make):
    engine.services = [fake.service("web", {"faststicky.port": "80", "faststicky.rule": "PathPrefix(`/`)"})]
    source, asked = make()
    assert [service.name for service in source.discover().services] == ["web"]
    assert (source.following, asked, source.interval) == (False, [], 1.0)


def test_on_a_worker_it_follows_the_tasks_of_its_own_service(worker, make):
    with origin(ONE) as running:
        source, asked = make(running.place)
        found = source.discover()
        assert (found.services, found.source, found.local_node) == (ONE.services, source.name, "node1")
        assert (source.following, asked) == (True, ["proxy"])
        assert source.discover().services == ONE.services
        assert asked == ["proxy"]


def test_a_node_changes_sides(worker, make, monkeypatch):
    monkeypatch.setattr(any_node, "LOOK_AGAIN", 0.0)
    with origin(ONE) as running:
        source, _ = make(running.place)
        source.discover()
        worker.manager = True
        assert source.discover().services == ()
        assert not source.following
        worker.manager = False
        assert source.discover().services == ONE.services
        assert source.following


def test_an_engine_that_fails_does_not_disturb_a_follower(worker, make, monkeypatch):
    monkeypatch.setattr(any_node, "LOOK_AGAIN", 0.0)
    with origin(ONE) as running:
        source, _ = make(running.place)
        source.discover()
        worker.faults["info"] = fake.hang_up
        assert source.discover().services == ONE.services


@pytest.mark.parametrize("labels", [None, {}, {"com.docker.swarm.service.name": ""}])
def test_who_is_in_no_service_has_to_be_told(worker, make, labels):
    worker.containers[OWN]["Config"]["Labels"] = labels
    source, _ = make()
    with pytest.raises(DiscoveryError, match=r"not a Swarm manager, and .* no container of a Swarm service; say whom"):
        source.discover()
    assert not source.following


def test_another_failure_is_told_as_it_is(engine, make):
    engine.faults["info"] = fake.refuse(500, "out of order")
    source, _ = make()
    with pytest.raises(DiscoveryError, match="out of order"):
        source.discover()


def test_the_peer_is_the_service_at_the_same_port():
    source = any_node.follower(7070, (KEY,), "swarm x")("proxy")
    assert source.name == "swarm x"
    assert [str(peer) for peer in source._peers] == ["tasks.proxy:7070"]
