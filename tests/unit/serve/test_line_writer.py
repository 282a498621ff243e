from __future__ import annotations

import json
import os
import subprocess
import time

import pytest

from faststicky.errors import ConfigError
from faststicky.serve import line_writer
from faststicky.serve.line_writer import LineWriter


def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_that_was_queued_is_there_when_it_has_stopped(tmp_path):
    path = tmp_path / "access"
    path.write_bytes(b"old\n")
    writer = LineWriter(str(path))
    writer.write(b"early\n", 1)
    writer.start()
    for number in range(1000):
        writer.write(b"%d\n" % number, 1)
    writer.stop()
    assert path.read_bytes() == b"old\nearly\n" + b"".join(b"%d\n" % number for number in range(1000))
    writer.write(b"late\n", 1)
    assert writer.dropped == 1


def test_a_renamed_file_is_left(tmp_path):
    path, old = tmp_path / "access", tmp_path / "access.1"
    writer = LineWriter(str(path))
    writer.start()
    writer.write(b"one\n", 1)
    until(lambda: path.read_bytes() == b"one\n")
    path.rename(old)
    writer.reopen()
    until(path.exists)
    writer.write(b"two\n", 1)
    writer.stop()
    assert (old.read_bytes(), path.read_bytes()) == (b"one\n", b"two\n")


def test_one_that_cannot_be_opened_again_goes_on(tmp_path, caplog):
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "access"
    writer = LineWriter(str(path))
    writer.start()
    folder.rename(tmp_path / "elsewhere")
    writer.reopen()
    until(lambda: caplog.records)
    writer.write(b"one\n", 1)
    writer.stop()
    assert "send SIGUSR1" in caplog.records[0].getMessage()
    assert (tmp_path / "elsewhere" / "access").read_bytes() == b"one\n"


def test_a_reader_that_does_not_read_costs_lines_and_no_time(monkeypatch):
    monkeypatch.setattr(line_writer, "MAX_QUEUE", 1_000_000)
    monkeypatch.setattr(line_writer, "PATIENCE", 0.2)
    reading, writing = os.pipe()
    monkeypatch.setattr(line_writer, "STDOUT", writing)
    writer = LineWriter()
    writer.start()
    line = b"x" * 999 + b"\n"
    begun = time.monotonic()
    for _ in range(3000):
        writer.write(line, 1)
    assert writer.dropped >= 1000
    writer.stop()
    assert time.monotonic() - begun < 20
    os.close(reading)  # ends the thread's wait
    writer._thread.join(30)
    os.close(writing)


def test_a_reader_that_has_gone_is_told_once(monkeypatch, caplog):
    reading, writing = os.pipe()
    monkeypatch.setattr(line_writer, "STDOUT", writing)
    writer = LineWriter()
    writer.start()
    os.close(reading)
    writer.write(b"one\n", 1)
    until(lambda: writer.dropped == 1)
    writer.write(b"two\n", 1)
    assert writer.dropped == 2
    writer.stop()
    os.close(writing)
    assert len(caplog.records) == 1


def test_a_full_disk_drops_and_goes_on(caplog):
    writer = LineWriter("/dev/full")
    writer.start()
    writer.write(b"one\n", 1)
    until(lambda: writer.dropped == 1)
    writer.stop()
    assert "No space left" in caplog.records[0].error


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount one")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_full_for_a_while_leaves_whole_lines_and_their_number(small_disk, caplog):
    caplog.set_level("INFO")
    path, ballast = small_disk / "access", small_disk / "ballast"
    ballast.write_bytes(b"x" * 32_768)
    writer = LineWriter(str(path))
    writer.start()
    line = b'{"n":%d,"fill":"' + b"y" * 979 + b'"}\n'
    for number in range(100):  # of which some thirty fit
        writer.write(line % number, 1)
    until(lambda: writer.dropped and not writer._queue)
    time.sleep(0.1)  # what was taken from the queue is being written
    ballast.unlink()
    for number in range(100, 110):
        writer.write(line % number, 1)
    writer.stop()
    whole = [json.loads(text) for text in path.read_bytes().splitlines() if text.endswith(b"}")]
    assert [one["n"] for one in whole][-10:] == list(range(100, 110))
    damaged = len(path.read_bytes().splitlines()) - len(whole)
    assert damaged <= 1  # the one that was cut
    assert len(whole) + writer.dropped == 110
    events = [record.getMessage() for record in caplog.records]
    assert sum("are dropped" in event for event in events) == 1
    assert sum("can be written again" in event for event in events) == 1


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(ConfigError, match="--access-log-file: cannot write to"):
        LineWriter(str(tmp_path / "no" / "file"))
