"""What fails without a word: tasks, nodes, cables, the leader, the quorum, an engine that hangs. A crowd looks on."""

from __future__ import annotations

import os
import signal
import time

import pytest

from .apps import Apps
from .crowd import Answer, Crowd
from .lab import Lab, wait_until

TASKS = 4
EACH = 25  # users of each proxy
LONGEST_WAIT = 2.0  # seconds that a user waits for a backend that is gone
NOISE = 1.5  # and what a busy machine adds


@pytest.fixture(scope="module")
def lab(image_archive):
    """Three managers: one may be lost."""
    with Lab(managers=3, workers=0) as swarm:
        swarm.load(image_archive)
        yield swarm


@pytest.fixture(scope="module")
def apps(lab: Lab) -> Apps:
    return Apps(lab, TASKS, managers=(1, 2, 3))


def expect_no_more_than_was_lost(crowd: Crowd, at: float, gone: list[str]) -> None:
    """Only what was under way on these tasks at that moment, and could not be repeated, may have failed.

    A GET is repeated as long as nothing of its answer has come; of a POST that was sent nobody knows whether it was done.
    """
    for answer in crowd.complaints:
        assert answer.request.method == "POST", answer
        assert answer.status in (502, 504), answer
        assert at - 1 < answer.began < at + LONGEST_WAIT + NOISE, answer
    lost = len([user for user in crowd.users if _before(user.answers, at) in gone])
    assert len(crowd.complaints) <= lost
    assert crowd.longest < LONGEST_WAIT + NOISE


def _before(answers: list[Answer], at: float) -> str:
    """Who answered last before this moment."""
    return next((each.who for each in reversed(answers) if each.began < at and each.status == 200), "")


def test_a_killed_task(apps: Apps):
    node = next(node for node in (1, 2, 3) if apps.on(node))
    victim = apps.on(node)[0]
    with Crowd(apps.lab, nodes=(1, 2, 3), each=EACH) as crowd:
        time.sleep(4)
        at = time.monotonic()
        apps.lab.docker("kill", "-s", "KILL", victim.removeprefix("I'm "), node=node)
        wait_until(lambda: victim not in apps.slots() and len(apps.slots()) == TASKS, "it is replaced", 60)
        apps.settle()
    print(f"killed task: {crowd}")
    expect_no_more_than_was_lost(crowd, at, [victim])
    assert max(user.moves for user in crowd.users) <= 2  # at most to another one, and back into the slot


def test_an_engine_that_hangs(apps: Apps):
    """Its API answers nothing for a while: the table stays in force, the reason is told, and then it is in step again."""
    engine = apps.lab.nodes[2].engine()
    with Crowd(apps.lab, nodes=(3,), each=EACH) as crowd:
        time.sleep(1)
        os.kill(engine, signal.SIGSTOP)
        try:
            found = wait_until(lambda: (said := apps.ready(3))["error"] and said, "the proxy sees it", 30)
        finally:
            os.kill(engine, signal.SIGCONT)
        assert found["ready"]
        assert found["age"] > 1
        wait_until(lambda: not apps.ready(3)["error"], "it is in step again", 60)
        apps.settle()
    print(f"hanging engine: {crowd}")
    assert crowd.complaints == []
    assert crowd.longest < LONGEST_WAIT + NOISE


def test_the_leader_is_killed(apps: Apps):
    """Traffic through the others goes on; they follow the new leader, and the tasks that the old one had are replaced."""
    lab = apps.lab
    form = "{{.ManagerStatus.Leader}}"
    leader = next(n for n in (1, 2, 3) if lab.docker("node", "inspect", "self", "--format", form, node=n) == "true")
    others = tuple(n for n in (1, 2, 3) if n != leader)
    gone = apps.on(leader)
    apps.managers = others
    with Crowd(lab, nodes=others, each=EACH) as crowd:
        time.sleep(4)
        at = time.monotonic()
        lab.kill(leader)
        said = wait_until(lambda: (found := apps.ready(others[0]))["error"] and found, "the proxy sees it", 30)
        assert said["ready"]
        wait_until(lambda: not apps.ready(others[0])["error"], "there is a new leader", 60)
        wait_until(lambda: len(apps.slots()) == TASKS, "its tasks run elsewhere", 90)
        apps.settle()
        apps.scale(TASKS + 1, node=others[0])
        apps.settle()
    print(f"killed leader (n{leader}, {len(gone)} tasks): {crowd}")
    expect_no_more_than_was_lost(crowd, at, gone)
    lab.start(leader)
    state = ("node", "inspect", f"n{leader}", "--format", "{{.Status.State}}")
    wait_until(lambda: lab.docker(*state, node=others[0]) == "ready", "it is back", 60)
    apps.managers = (1, 2, 3)
    apps.scale(TASKS, node=others[0])
    apps.settle()


def test_a_node_is_cut_off_and_comes_back(apps: Apps):
    """Who sends to it waits once; the tasks there are replaced after a while, and nothing happens when it is back."""
    lab = apps.lab
    cut = next(n for n in (3, 2, 1) if apps.on(n))
    others = tuple(n for n in (1, 2, 3) if n != cut)
    gone = apps.on(cut)
    with Crowd(lab, nodes=others, each=EACH) as crowd:
        time.sleep(4)
        at = time.monotonic()
        lab.cut(cut)
        try:
            time.sleep(20)
        finally:
            lab.heal(cut)
        time.sleep(15)
    print(f"node cut off and healed (n{cut}, {len(gone)} tasks): {crowd}")
    expect_no_more_than_was_lost(crowd, at, gone)
