from __future__ import annotations

import json
import os

import pytest

from faststicky.errors import ConfigError
from faststicky.serve.ready_file import ReadyFile


def test_it_is_there_while_the_proxy_serves(tmp_path):
    path = tmp_path / "ready"
    path.write_text("left by another run")
    file = ReadyFile(str(path))
    assert not path.exists()
    file.write(["127.0.0.1:1", "[::1]:2"], "127.0.0.1:3")
    assert json.loads(path.read_text()) == {
        "pid": os.getpid(),
        "listen": ["127.0.0.1:1", "[::1]:2"],
        "admin": "127.0.0.1:3",
        "feed": "",
    }
    file.remove()
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = ReadyFile("")
    file.write(["127.0.0.1:1"], "")
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_told_before_anything_starts(tmp_path):
    with pytest.raises(ConfigError, match=r"--ready-file: directory .*missing does not exist; create it"):
        ReadyFile(str(tmp_path / "missing" / "ready"))
