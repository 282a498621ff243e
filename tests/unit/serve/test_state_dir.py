from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from faststicky.errors import ConfigError
from faststicky.serve.state_dir import state_dir


@pytest.fixture
def impossible(tmp_path) -> Path:
    """A directory that nobody can make, root included."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "state"


def test_the_one_asked_for_is_made_for_its_owner_only(tmp_path):
    path = state_dir(str(tmp_path / "a" / "b"), {}, tmp_path / "system")
    assert path == tmp_path / "a" / "b"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert not (tmp_path / "system").exists()


def test_one_that_cannot_be_used_is_an_error_and_not_replaced(impossible):
    with pytest.raises(ConfigError, match=r"--state-dir: .*cannot be written to"):
        state_dir(str(impossible), {})


def test_the_systems_directory_comes_first(tmp_path):
    assert state_dir("", {"HOME": str(tmp_path / "home")}, tmp_path / "system") == tmp_path / "system"


def test_then_xdg_then_home(tmp_path, impossible):
    environment = {"HOME": str(tmp_path / "home")}
    assert state_dir("", environment, impossible) == tmp_path / "home/.local/state/faststicky"
    environment["XDG_STATE_HOME"] = str(tmp_path / "xdg")
    assert state_dir("", environment, impossible) == tmp_path / "xdg/faststicky"


def test_then_a_private_temporary_one(tmp_path, impossible, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = state_dir("", {"HOME": str(impossible)}, impossible)
    assert path.parent == tmp_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert os.access(path, os.W_OK)
