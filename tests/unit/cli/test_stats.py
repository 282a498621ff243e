from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from faststicky.cli import main
from unit.observe.logs import START, access, prefixed, stats


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log"
    lines = [prefixed(line, "node1") for second in (0, 10, 20) for line in stats("x", second, (5, 9))]
    path.write_text("\n".join([*lines, access(5), '{"event":"sta']) + "\n")
    return path


def run(*args: str, **options: object):
    return CliRunner().invoke(main, ["stats", *args], catch_exceptions=False, **options)  # type: ignore[arg-type]


def test_files_and_a_pipe(log):
    from_file = run(str(log))
    assert from_file.exit_code == 0
    for part in ("services", "web.1@node1", "1 damaged", "requests a second"):
        assert part in from_file.output
    assert run(input=log.read_text()).output == from_file.output
    assert json.loads(run("--format", "json", str(log), str(log)).output)["services"]["web"]["requests"] == 12
    assert run("--format", "csv", str(log)).output.splitlines()[1].startswith("total,,,6,")


def test_since_and_until(log):
    def requests(*args: str) -> int:
        return json.loads(run("--format", "json", *args, str(log)).output)["total"]["requests"]

    assert requests("--since", "2026-11-22T12:00:05+00:00") == 4
    assert requests("--since", "2026-11-22T12:00:05Z", "--until", "2026-11-22T12:00:15Z") == 2
    assert requests("--until", (START - datetime.timedelta(days=1)).isoformat()) == 0
    ago = datetime.datetime.now(datetime.UTC) - START
    assert requests("--since", f"{abs(int(ago.total_seconds())) + 3600}s") == 6 if ago.total_seconds() > 0 else True
    bad = run("--since", "yesterday", str(log))
    assert (bad.exit_code, "10m for ten minutes ago" in bad.output) == (2, True)


def test_a_file_that_is_not_there():
    assert run("/nowhere/log").exit_code == 2


def test_following_a_file(log):
    process = subprocess.Popen(
        [sys.executable, "-m", "faststicky", "stats", "--follow", "--format", "json", str(log)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first == "{\n"
        with log.open("a") as file:
            half, rest = stats("x", 30, (5,))[0][:50], stats("x", 30, (5,))
            file.write(half)
            file.flush()
            time.sleep(0.5)
            file.write(rest[0][50:] + rest[1])
        text = first
        deadline = time.monotonic() + 30
        while '"requests": 7' not in text:
            assert time.monotonic() < deadline
            text += process.stdout.readline()
    finally:
        os.kill(process.pid, signal.SIGINT)
        process.stdout.read()
        assert process.wait(30) == 0
        process.stdout.close()


def test_following_a_pipe_shows_what_came_last_before_it_fell_silent():
    """Statistics come in bursts with ten seconds of silence between them."""
    process = subprocess.Popen(
        [sys.executable, "-m", "faststicky", "stats", "--follow", "--format", "csv"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for second in (0, 10):
            process.stdin.write("".join(f"{line}\n" for line in stats("x", second, (5, 9))))
            process.stdin.flush()
            while not process.stdout.readline().startswith(f"total,,,{2 + second // 5},"):
                assert process.poll() is None
        process.stdin.close()  # the end of the pipe is the end
        process.stdout.read()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_latencies_for_other_tools(log, tmp_path):
    path = tmp_path / "latencies.hlog"
    assert run("--hdr", str(path), str(log)).exit_code == 0
    tags = [line.partition(",")[0] for line in path.read_text().splitlines() if line.startswith("Tag=")]
    assert set(tags) == {"Tag=first_byte", "Tag=total", "Tag=web/first_byte", "Tag=web/total"}
    assert run("--hdr", "/nowhere/at/all", str(log)).exit_code == 1
