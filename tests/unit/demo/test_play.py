"""The play, performed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from faststicky.demo.play import Play
from faststicky.demo.processes import Player
from proxy.running import ENVIRONMENT, PATIENCE, faststicky, fetch, until


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_all_three_acts():
    result = faststicky("demo")
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1].startswith("demo: OK ")
    assert "\x1b" not in result.stdout
    counts = [int(line.split()[2]) for line in lines if re.match(r" I'm \w+ +\d+ ", line)]
    assert sum(counts) == 30
    assert len(counts) == 3
    assert result.stdout.count("< Set-Cookie: ") == 2


def test_serve_stays_until_it_is_told_to_go_and_leaves_nobody():
    process = subprocess.Popen(
        [sys.executable, "-m", "faststicky", "demo", "--serve"], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    with process:
        assert process.stdout is not None
        urls = {}
        for line in process.stdout:
            if match := re.match(r"(proxy|page) +(http://\S+)", line):
                urls[match[1]] = match[2]
            if line.startswith("Ctrl-C"):
                break
        assert fetch(urls["proxy"])[1].startswith("I'm ")
        assert "faststicky" in fetch(urls["page"])[1]
        players = children(process.pid)
        assert len(players) == 3  # one backend has stopped in the third act
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        for pid in players:
            until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), "the end of the players")


class Unfaithful:
    """A proxy that breaks its promises: everybody is sent around, and gets a cookie each time."""

    listen = "127.0.0.1:1"

    def __init__(self) -> None:
        self.visits = 0

    def visit(self, _cookie: str = "") -> tuple[str, str]:
        self.visits += 1
        return ("ann", "bob")[self.visits % 2], f"_c={self.visits}"


class Stoppable:
    def stop(self) -> None:
        pass


@pytest.mark.parametrize(
    ("act", "failures"),
    [
        (lambda play: play.without_cookie(), ["not every backend"]),
        (lambda play: play.with_cookie(), ["the visitor left", "a cookie was set again"]),
        (lambda play: play.backend_stops("ann", "_c=0"), ["ann answered although", "did not stay", "10 times"]),
    ],
)
def test_a_broken_promise_is_seen(act, failures):
    players: dict[str, Player] = {name: Stoppable() for name in ("ann", "bob", "cleo")}  # type: ignore[misc]
    play = Play(Unfaithful(), players, Console(quiet=True))  # type: ignore[arg-type]
    act(play)
    assert len(play.failures) == len(failures)
    for seen, expected in zip(play.failures, failures, strict=True):
        assert expected in seen
