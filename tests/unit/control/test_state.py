"""The saved snapshot."""

from __future__ import annotations

import logging

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faststicky.control.state import NAME, VERSION, StateFile
from faststicky.model import Warning
from unit.control.worlds import backend, service, snapshot

WORLD = snapshot(
    service(backend("t1", slot="s/1", state="draining", foreign=("http://10.0.0.5:8000",))),
    warnings=(Warning(service="a", label="b", value="c", text="d"),),
)


def test_what_is_saved_is_loaded(tmp_path):
    directory = tmp_path / "state"
    assert StateFile(directory).save(WORLD)
    saved = StateFile(directory).load("test")
    assert saved is not None
    assert saved.snapshot == WORLD
    assert (directory / NAME).stat().st_mode & 0o777 == 0o600


def test_nothing_saved_is_no_warning(tmp_path, caplog):
    assert StateFile(tmp_path).load("test") is None
    assert StateFile(None).load("test") is None
    assert not StateFile(None).save(WORLD)
    assert caplog.records == []


def test_another_source_would_route_wrongly(tmp_path):
    StateFile(tmp_path).save(WORLD)
    assert StateFile(tmp_path).load("swarm") is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged"),
        (b'{"version":1,"saved_at"', "damaged"),
        (b'{"version":1,"saved_at":1,"snapshot":{"services":7}}', "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b'{"version":99}', "version 99"),
    ],
)
def test_a_useless_file_is_one_warning_and_replaced(tmp_path, caplog, content, says):
    (tmp_path / NAME).write_bytes(content)
    state = StateFile(tmp_path)
    assert state.load("test") is None
    (record,) = caplog.records
    assert says in record.getMessage()
    assert state.save(WORLD)
    assert StateFile(tmp_path).load("test") is not None


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_no_damage_is_fatal(tmp_path, data):
    StateFile(tmp_path).save(WORLD)
    content = bytearray((tmp_path / NAME).read_bytes())
    for _ in range(3):
        content[data.draw(st.integers(0, 10_000)) % len(content)] = data.draw(st.integers(0, 255))
    (tmp_path / NAME).write_bytes(content)
    StateFile(tmp_path).load("test")


def test_an_unwritable_place_is_told_once(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    state = StateFile(tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        assert not state.save(WORLD)
        assert not state.save(WORLD)
    assert len(caplog.records) == 1
    assert state.load("test") is None


def test_the_version_is_in_the_file(tmp_path):
    StateFile(tmp_path).save(WORLD)
    assert msgspec.json.decode((tmp_path / NAME).read_bytes())["version"] == VERSION
