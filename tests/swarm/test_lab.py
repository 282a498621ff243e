"""The laboratory itself: its nodes are separate machines, and nothing of it stays, not even after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from .lab import Lab, leftovers, remove_stale, wait_until

TESTS = Path(__file__).resolve().parents[1]


def test_a_node_can_be_lost_and_come_back_and_nothing_stays():
    with Lab(managers=1, workers=1) as lab:
        assert lab.docker("node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}").split() == [
            "n1",
            "Leader",
            "n2",
        ]
        lab.kill(2)
        assert lab.nodes[1].docker("version", check=False, quiet=True) is None
        lab.start(2)
        wait_until(
            lambda: lab.nodes[1].docker("info", "--format", "{{.Swarm.LocalNodeState}}") == "active",
            "n2 is back in the Swarm",
        )
        assert leftovers(lab.id) != []  # the check below can see something
    assert leftovers(lab.id) == []


def test_a_killed_run_takes_its_engines_along_and_the_next_one_sweeps_up():
    script = "from swarm.lab import Lab; lab = Lab(1, 0).__enter__(); print(lab.id, flush=True); input()"
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        name = run.stdout.readline().strip()
        assert any(found.startswith("process") for found in leftovers(name))
        run.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(found.startswith("process") for found in leftovers(name)), "its engine has ended")
    assert any(found.startswith("netns") for found in leftovers(name))
    remove_stale()
    assert leftovers(name) == []
