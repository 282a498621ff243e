"""Files that only their owner reads, replaced in one step."""

from __future__ import annotations

import pytest

from faststicky.control import private_file
from faststicky.control.private_file import write_private


def test_mode_directory_and_content(tmp_path):
    path = tmp_path / "a" / "b" / "key"
    for content in (b"one", b"two"):
        write_private(path, content)
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["key"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "key"
    write_private(path, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["key"]
