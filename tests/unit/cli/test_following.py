from __future__ import annotations

import os
import time
from collections.abc import Iterator

from faststicky.cli.following import following
from patience import seconds


def soon(lines: Iterator[str], wanted: list[str]) -> None:
    """These come next, whatever pauses lie between."""
    got: list[str] = []
    deadline = time.monotonic() + seconds(30)
    while len(got) < len(wanted):
        assert time.monotonic() < deadline, got
        if line := next(lines):
            got.append(line)
    assert got == wanted


def idle(lines: Iterator[str]) -> None:
    """Nothing comes for the moment, and whoever reads is told so."""
    assert next(lines) == ""


def test_a_file_that_grows(tmp_path):
    path = tmp_path / "log"
    path.write_text("one\ntw")
    with path.open() as file, path.open("a") as writer:
        lines = following([file])
        soon(lines, ["one\n"])
        idle(lines)
        writer.write("o\nthree\n")
        writer.flush()
        soon(lines, ["two\n", "three\n"])


def test_a_file_that_was_renamed_is_read_to_its_end_then_the_new_one_of_its_name(tmp_path):
    path = tmp_path / "log"
    path.write_text("one\n")
    with path.open() as file:
        lines = following([file])
        soon(lines, ["one\n"])
        idle(lines)
        with path.open("a") as writer:
            path.rename(tmp_path / "log.1")
            idle(lines)  # there is none of its name yet
            writer.write("late\n")
        path.write_text("two\n")
        soon(lines, ["late\n", "two\n"])
        lines.close()


def test_a_file_that_was_cut_is_read_from_its_begin(tmp_path):
    path = tmp_path / "log"
    path.write_text("one, which is longer\n")
    with path.open() as file:
        lines = following([file])
        soon(lines, ["one, which is longer\n"])
        path.write_text("two\n")
        soon(lines, ["two\n"])


def test_a_pipe_that_is_silent_holds_nobody_up_and_its_end_is_the_end(tmp_path):
    reading, writing = os.pipe()
    with os.fdopen(reading) as file, os.fdopen(writing, "w") as writer:
        lines = following([file])
        writer.write("one\ntwo\n")
        writer.flush()
        soon(lines, ["one\n", "two\n"])
        idle(lines)
        idle(lines)
        writer.write("three\nhalf")
        writer.close()
        soon(lines, ["three\n", "half"])
        assert [line for line in lines if line] == []


def test_a_pipe_and_a_file(tmp_path):
    path = tmp_path / "log"
    path.write_text("from the file\n")
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, path.open() as file, os.fdopen(writing, "w") as writer:
        lines = following([pipe, file])
        soon(lines, ["from the file\n"])
        writer.write("from the pipe\n")
        writer.flush()
        soon(lines, ["from the pipe\n"])
