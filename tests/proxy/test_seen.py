"""What the proxy tells of its traffic: statistics and access lines, and draining by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from proxy.running import faststicky, proxy, until, whoami


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def added_up(*paths: Path) -> dict[str, Any]:
    result = faststicky("stats", "--format", "json", *(str(path) for path in paths))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_request_is_in_the_statistics_and_in_the_access_log_once(tmp_path, workers):
    output = tmp_path / "output"
    options = ("--stats-interval", "200ms", "--access-log", "json", "--workers", workers)
    with whoami("one") as one, whoami("two") as two:
        with proxy(tmp_path, "--backend", one, "--backend", two, *options) as running:
            cookie = ""
            for number in range(30):
                _, _, headers = running.get(f"/{number}", **({"Cookie": cookie} if cookie else {}))
                cookie = cookie or headers["Set-Cookie"].partition(";")[0]
            if workers == "1":  # what a worker has counted outlives it
                until(lambda: '"/29"' in output.read_text(), "lines that it had not handed over would be lost")
                first = running.workers()[0]
                os.kill(first, signal.SIGKILL)
                until(lambda: running.workers() not in ([], [first]), "another worker")
                assert running.get("/last", Cookie=cookie)[0] == 200
            assert running.stop() == 0
        counted = 31 if workers == "1" else 30
        assert lines(output)[-1]["last"] is True
        data = added_up(output)
        assert data["lines"].get("damaged", 0) == 0
        assert data["total"]["requests"] == data["services"]["default"]["requests"] == counted
        assert sum(task["requests"] for task in data["tasks"]) == counted
        assert data["total"]["outcomes"] == {"new": 1, "hit": counted - 1}
        assert data["total"]["hit_rate"] == 1.0
        assert data["total"]["sessions"] == 1
        assert data["total"]["first_byte_ms"]["max"] > 0
        assert data["access"]["total"]["requests"] == counted
        assert data["access"]["total"]["bytes_out"] == data["total"]["bytes_out"]
        with proxy(tmp_path, "--backend", one, "--backend", two, *options) as running:  # over a restart
            running.get("/")
        assert added_up(output)["total"]["requests"] == counted + 1


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_the_access_log_in_a_file_that_is_rotated(tmp_path, number):
    path, old = tmp_path / "access", tmp_path / "access.1"
    options = ("--access-log", "common", "--access-log-file", str(path), "--stats-interval", "0")
    with whoami("one") as one, proxy(tmp_path, "--backend", one, *options) as running:
        running.get("/before")
        until(lambda: "/before" in path.read_text(), "the first line")
        path.rename(old)
        running.process.send_signal(number)
        until(path.exists, "the new file")
        running.get("/after")
        assert running.stop() == 0
        assert "/after" in path.read_text()
        assert "/after" not in old.read_text()
        assert path.read_text().startswith("127.0.0.1 - - [")
    assert (tmp_path / "output").read_text() == ""


def test_a_drained_task_keeps_its_users_and_gets_no_new_ones_over_a_restart_too(tmp_path):
    with whoami("one") as one, whoami("two") as two:
        name = one.removeprefix("http://")
        with proxy(tmp_path, "--backend", one, "--backend", two) as running:
            users = [running.get("/", **{"User-Agent": "u"}) for _ in range(4)]
            mine = next(headers["Set-Cookie"].partition(";")[0] for _, body, headers in users if "one" in body)
            result = faststicky("drain", name, "--admin", running.admin)
            assert (result.returncode, "is drained" in result.stdout) == (0, True), result.stderr
            until(lambda: running.api("/api/backends")["backends"][0]["state"] == "draining", "draining")
            assert all("two" in running.get("/")[1] for _ in range(6))
            assert "one" in running.get("/", Cookie=mine)[1]
            waiting = faststicky("drain", name, "--admin", running.admin, "--wait", "100ms")
            assert (waiting.returncode, "still in use" in waiting.stderr) == (3, True)
        with proxy(tmp_path, "--backend", one, "--backend", two) as running:
            assert all("two" in running.get("/")[1] for _ in range(6))
            assert "one" in running.get("/", Cookie=mine)[1]
            assert faststicky("drain", name, "--undo", "--admin", running.admin).returncode == 0
            until(lambda: any("one" in running.get("/")[1] for _ in range(4)), "new users again")


def test_only_who_bears_the_token_may_drain(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("a-secret-of-many-characters\n")
    with proxy(tmp_path, "--backend", "http://127.0.0.1:9", "--admin-token-file", str(secret)) as running:
        arguments = ("drain", "127.0.0.1:9", "--admin", running.admin)
        refused = faststicky(*arguments)
        assert (refused.returncode, "--admin-token-file" in refused.stderr) == (1, True)
        assert faststicky(*arguments, "--token-file", str(secret)).returncode == 0
    secret.write_text("short")
    broken = faststicky(
        "run", "--backend", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--admin-token-file", str(secret)
    )
    assert (broken.returncode, "no usable token" in broken.stderr) == (2, True)


def test_live_numbers_do_not_hold_the_end_up(tmp_path):
    with (
        proxy(tmp_path, "--backend", "http://127.0.0.1:9") as running,
        urllib.request.urlopen(f"http://{running.admin}/api/live", timeout=30) as live,
    ):
        assert live.readline() == b"event: state\n"
        assert running.stop() == 0


def test_a_reader_of_the_lines_that_goes_away_is_survived(tmp_path):
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [sys.executable, "-m", "faststicky", "run", "--backend", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", "--admin", "off",
         "--workers", "1", "--stats-interval", "50ms", "--state-dir", str(tmp_path / "state"), "--ready-file", str(ready)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        until(ready.exists, "the start")
        process.stdout.readline()
        process.stdout.close()
        for line in process.stderr:
            if "lines cannot be written" in line:
                break
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
