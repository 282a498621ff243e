"""What each cookie value leads to."""

from __future__ import annotations

import msgspec
import pytest

from faststicky.control.keyring import Key, Keyring
from faststicky.control.seal import FEW, Seals, seal
from faststicky.model import Balancing, TableSpec
from unit.control.worlds import backend, service, snapshot

NEW, OLD = Key(b"new" * 10, "secret"), Key(b"old" * 10, "secret")


def meanings(world, ring):
    """value -> (backend ID, outcome), the first of equal values counting, as in the relay."""
    (spec,) = seal(world, ring, 1).services
    result = {}
    for value, position, outcome in spec.lookup:
        result.setdefault(value, (spec.backends[position].id, outcome))
    return result


def test_a_task_with_a_slot():
    world = snapshot(service(backend("t1", slot="s/1")))
    (spec,) = seal(world, Keyring(NEW), 7).services
    task, slot = NEW.token("task", "web", "t1"), NEW.token("slot", "web", "s/1")
    assert spec.backends[0].cookie_value == f"{task}.{slot}"
    assert spec.lookup == ((task, 0, "task"), (slot, 0, "slot"))
    assert spec.cookie is not None


def test_a_backend_without_a_slot():
    (spec,) = seal(snapshot(service(backend("http://a:80"))), Keyring(NEW), 1).services
    assert spec.backends[0].cookie_value == NEW.token("task", "web", "http://a:80")
    assert len(spec.lookup) == 1


@pytest.mark.parametrize(
    ("states", "holder"),
    [
        (("draining", "up"), "t1"),
        (("up", "draining"), "t0"),
        (("up", "up"), "t1"),
        (("draining", "draining"), "t1"),
        (("draining", "down"), "t0"),
        (("leaving", "draining"), "t1"),
        (("down", "leaving", "down"), "t1"),
    ],
)
def test_a_slot_leads_to_its_best_and_newest_task(states, holder):
    tasks = [backend(f"t{i}", slot="s/1", state=state) for i, state in enumerate(states)]
    found = meanings(snapshot(service(*tasks)), Keyring(NEW))
    assert found[NEW.token("slot", "web", "s/1")] == (holder, "slot")
    for task in tasks:  # whatever a state allows is the relay's to decide
        assert found[NEW.token("task", "web", task.id)] == (task.id, "task")


def test_the_previous_key_is_still_understood():
    found = meanings(snapshot(service(backend("t1", slot="s/1"))), Keyring(NEW, OLD))
    assert found[OLD.token("task", "web", "t1")] == ("t1", "previous")
    assert found[OLD.token("slot", "web", "s/1")] == ("t1", "previous")
    assert found[NEW.token("task", "web", "t1")] == ("t1", "task")


def test_foreign_values_of_backends_that_serve():
    url = "http://10.0.0.5:8000"
    world = service(
        backend("gone", state="leaving", foreign=("http://10.0.0.4:8000",)),
        backend("old", state="draining", foreign=(url,)),
        backend("new", state="up", foreign=(url,)),
        backend("drains", state="draining", foreign=("http://10.0.0.6:8000",)),
    )
    found = meanings(snapshot(world), Keyring(NEW))
    assert found[url] == ("new", "foreign")  # an address that was given out again belongs to the new task
    assert found["http://10.0.0.6:8000"] == ("drains", "foreign")
    assert "http://10.0.0.4:8000" not in found


def test_services_do_not_understand_each_others_cookies():
    world = snapshot(service(backend("t", slot="s"), name="a"), service(backend("t", slot="s"), name="b"))
    a, b = seal(world, Keyring(NEW), 1).services
    assert not {value for value, _, _ in a.lookup} & {value for value, _, _ in b.lookup}


def test_a_service_that_is_not_sticky_has_no_tokens():
    key = Key(b"k" * 16, "secret")
    (spec,) = seal(snapshot(service(backend("t"), sticky=False)), Keyring(key), 1).services
    assert (spec.lookup, spec.cookie, spec.backends[0].cookie_value) == ((), None, "")
    assert key.computed == 0


def test_backends_on_the_proxys_own_node_are_local_and_balancing_goes_along():
    wishes = Balancing(balance="least", prefer_local=True, max_concurrent=3)
    world = snapshot(msgspec.structs.replace(service(backend("t1"), backend("t2")), balancing=wishes))
    placed = tuple(
        msgspec.structs.replace(each, node=node)
        for each, node in zip(world.services[0].backends, ("n1", "n2"), strict=True)
    )
    world = msgspec.structs.replace(world, services=(msgspec.structs.replace(world.services[0], backends=placed),))
    for mine, local in (("n2", [False, True]), ("", [False, False]), ("n3", [False, False])):
        (spec,) = seal(msgspec.structs.replace(world, local_node=mine), Keyring(NEW), 1).services
        assert [each.local for each in spec.backends] == local
        assert (spec.balance, spec.prefer_local, spec.max_concurrent) == ("least", True, 3)


def test_an_unchanged_table_costs_no_hmac_and_is_the_same():
    key = Key(b"k" * 16, "secret")
    world = snapshot(service(*(backend(f"t{i}", slot=f"s/{i}") for i in range(50))))
    first = seal(world, Keyring(key), 3)
    computed = key.computed
    assert computed == 100
    assert seal(world, Keyring(key), 3) == first
    assert key.computed == computed
    assert first.generation == 3
    assert first.routes == world.routes


def test_a_table_survives_the_way_to_a_worker():
    table = seal(snapshot(service(backend("t1", slot="s/1", foreign=("http://a",)))), Keyring(NEW, OLD), 1)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(table), type=TableSpec) == table


def test_a_service_that_did_not_change_is_the_same_object():
    ring, seals = Keyring(NEW), Seals()
    one, two = service(backend("t1"), name="one"), service(backend("t2"), name="two")
    first = seal(snapshot(one, two), ring, 1, seals)
    equal = msgspec.structs.replace(one)
    changed = service(backend("t2", state="draining"), name="two")
    second = seal(snapshot(equal, changed), ring, 2, seals)
    assert second.services[0] is first.services[0]
    assert second == seal(snapshot(equal, changed), ring, 2)
    third = seal(snapshot(changed), ring, 3, seals)
    assert third.services == (second.services[1],)
    assert seal(snapshot(one, changed), ring, 4, seals).services[0] is not first.services[0]  # it was gone


def test_nothing_is_kept_of_another_key_or_node():
    ring, seals = Keyring(NEW), Seals()
    world = snapshot(service(backend("t1", node="n1")))
    first = seal(world, ring, 1, seals)
    here = msgspec.structs.replace(world, local_node="n1")
    assert seal(here, ring, 2, seals) == seal(here, ring, 2)
    other = Keyring(OLD)
    assert seal(here, other, 3, seals) == seal(here, other, 3)
    assert (
        seal(here, other, 3, seals).services[0].backends[0].cookie_value != first.services[0].backends[0].cookie_value
    )


def test_tokens_of_backends_that_are_gone_are_forgotten_in_time():
    """And none of those that are there is computed twice, however often its service stays as it was."""
    key = Key(b"k" * 16, "secret")
    ring, seals = Keyring(key), Seals()
    rest = service(*(backend(f"r{i}", slot=f"r/{i}") for i in range(20)), name="rest")
    for number in range(2000):
        seal(snapshot(rest, service(backend(f"t{number}"))), ring, number, seals)
        assert ring.remembered < FEW + 200
    assert key.computed == 40 + 2000
