from __future__ import annotations

import time

from faststicky.control import overrides as module
from faststicky.control.overrides import FILE, Overrides
from unit.control.worlds import backend, service, snapshot

WORLD = snapshot(service(backend("a"), backend("b"), backend("c", state="leaving")), service(backend("d"), name="api"))


def test_a_drained_backend_keeps_its_users_and_gets_no_new_ones():
    overrides = Overrides(None)
    assert overrides.apply(WORLD) is WORLD
    overrides.drain({"a": "web.a"})
    drained = overrides.apply(WORLD)
    first, second = drained.services[0].backends[:2]
    assert (first.state, first.drain) == ("draining", "stay")
    assert second.state == "up"
    assert drained.services[1] is WORLD.services[1]
    overrides.undo({"a": "web.a"})
    assert overrides.apply(WORLD) is WORLD


def test_what_the_source_says_worse_is_left_alone():
    overrides = Overrides(None)
    overrides.drain({"c": "web.c", "gone": "web.9"})
    assert overrides.apply(WORLD) is WORLD


def test_it_is_kept(tmp_path):
    Overrides(tmp_path).drain({"a": "web.a"})
    again = Overrides(tmp_path)
    assert again.drained["a"].name == "web.a"
    assert abs(again.drained["a"].since - time.time()) < 60
    since = again.drained["a"].since
    again.drain({"a": "web.a"})  # twice is once
    assert again.drained["a"].since == since
    again.undo({"a": "web.a"})
    assert Overrides(tmp_path).drained == {}


def test_what_was_drained_long_ago_is_forgotten(tmp_path, monkeypatch):
    overrides = Overrides(tmp_path)
    overrides.drain({"a": "web.a"})
    monkeypatch.setattr(module, "KEPT", 0.0)
    overrides.drain({})
    assert overrides.drained == {}


def test_a_broken_file_is_told_and_drains_nothing(tmp_path, caplog):
    (tmp_path / FILE).write_text("{")
    assert Overrides(tmp_path).drained == {}
    assert "drain them again" in caplog.text
