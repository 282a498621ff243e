"""What fails without a word: tasks, nodes, cables, the leader, the quorum, engines and their sockets. A crowd looks on."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time

import pytest

from .apps import Apps, create_proxy
from .client import get, try_get
from .crowd import Answer, Crowd
from .lab import Lab, wait_until

TASKS = 4
EACH = 25  # users of each proxy
LONGEST_WAIT = 2.0  # seconds that a user waits for a backend that is gone
NOISE = 1.5  # and what a busy machine adds
OUTAGE = 30.0  # seconds without a quorum
ENGINE_SOCKET = "/run/docker.sock"

weights = itertools.count(2)


@pytest.fixture(scope="module")
def lab(image_archive):
    """Three managers: one may be lost."""
    with Lab(managers=3, workers=0) as swarm:
        swarm.load(image_archive)
        yield swarm


@pytest.fixture(scope="module")
def apps(lab: Lab) -> Apps:
    return Apps(lab, TASKS, managers=(1, 2, 3))


def expect_no_more_than_was_lost(crowd: Crowd, at: float, gone: list[str], until: float = 0.0) -> None:
    """Only what was under way on these tasks at that moment, and could not be repeated, may have failed.

    until: when the last of them was gone, if that was later.

    A GET is repeated as long as nothing of its answer has come; of a POST that was sent nobody knows whether it was done.
    """
    for answer in crowd.complaints:
        assert answer.request.method == "POST", answer
        assert answer.status in (502, 504), answer
        assert at - 1 < answer.began < max(at, until) + LONGEST_WAIT + NOISE, answer
    lost = len([user for user in crowd.users if _before(user.answers, at) in gone])
    assert len(crowd.complaints) <= lost
    wait = crowd.longest_since(at)
    print(f"longest wait since then {wait:.2f} s")
    assert wait < LONGEST_WAIT + NOISE


def _before(answers: list[Answer], at: float) -> str:
    """Who answered last before this moment."""
    return next((each.who for each in reversed(answers) if each.began < at and each.status == 200), "")


def change_is_seen(apps: Apps, *nodes: int, port: int = 9090) -> float:
    """Until a label that is changed now is in force there. Seconds from Swarm's yes."""
    weight = next(weights)
    apps.change("update", "--label-add", f"faststicky.weight={weight}", node=nodes[0])
    began = time.monotonic()

    def seen(node: int) -> bool:
        backends = json.loads(get(apps.lab, node, port, "/api/backends").body)["backends"]
        return {backend["weight"] for backend in backends} == {weight}

    for node in nodes:
        wait_until(lambda node=node: seen(node), f"n{node} sees the change", 60, 0.05)
    return time.monotonic() - began


def is_leader(lab: Lab, node: int) -> bool:
    form = "{{.ManagerStatus.Leader}}"
    return lab.docker("node", "inspect", "self", "--format", form, node=node) == "true"


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


def test_the_socket_is_taken_away_and_given_back(apps: Apps):
    """From a proxy that is not root: it says why, serves on, and sees the next change soon after it may ask again.

    A connection that is open lives on without the socket's name; so the engine hangs for a moment, and all begin anew.
    """
    node = apps.lab.nodes[2]

    def on_node(*argv: str) -> None:
        subprocess.run(node.argv_inside(*argv), check=True)

    def reason(words: str) -> float:
        """The table's age when this is why."""
        said = wait_until(
            lambda: (found := apps.ready(3, 9091))["error"] and words in found["error"] and found, f"why: {words}", 60
        )
        assert said["ready"]
        return float(said["age"])

    create_proxy(
        apps.lab, "--docker-endpoint", "unix:///node/docker.sock", name="guest", ports=(8081, 9091), on="node.hostname==n3",
        options=("--user", "65534", "--mount", "type=bind,source=/run,destination=/node"),
    )  # fmt: skip
    on_node("chmod", "666", ENGINE_SOCKET)
    wait_until(lambda: (found := try_get(apps.lab, 3, 8081)) and found.status == 200, "it serves", 60)
    with Crowd(apps.lab, nodes=(3,), each=EACH + 5, port=8081) as crowd:
        time.sleep(1)
        on_node("chmod", "0", ENGINE_SOCKET)
        engine = node.engine()
        os.kill(engine, signal.SIGSTOP)
        try:
            reason("")  # a time-out, as a rule
        finally:
            os.kill(engine, signal.SIGCONT)
        reason("Permission denied; run as root or give the user the socket's group")
        on_node("mv", ENGINE_SOCKET, "/run/away")
        aged = reason("No such file or directory")
        on_node("mv", "/run/away", ENGINE_SOCKET)
        on_node("chmod", "666", ENGINE_SOCKET)
        seen = change_is_seen(apps, 3, port=9091)
        said = apps.ready(3, 9091)
    print(f"socket taken away: {crowd}; change seen after {seen:.2f} s")
    assert said["error"] == ""
    assert said["age"] < aged
    assert crowd.complaints == []
    assert crowd.longest < LONGEST_WAIT + NOISE
    assert sum(user.moves for user in crowd.users) == 0
    apps.lab.docker("service", "rm", "guest")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_is_restarted(apps: Apps, number: signal.Signals):
    """One that is told to end ends its containers. One that crashes leaves them alone, and nobody notices until it starts
    again: it ends them then, since Swarm knows no live restore. Either way Swarm replaces the tasks."""
    lab = apps.lab
    restarted = next(n for n in (3, 2, 1) if apps.on(n) and not is_leader(lab, n))
    others = tuple(n for n in (1, 2, 3) if n != restarted)
    engine, gone = lab.nodes[restarted - 1], apps.on(restarted)
    with Crowd(lab, nodes=others, each=EACH) as crowd:
        time.sleep(2)
        at = time.monotonic()
        engine.stop_engine(number)
        if number == signal.SIGKILL:
            said = wait_until(lambda: (found := apps.ready(restarted))["error"] and found, "its own proxy sees it", 30)
            assert said["ready"]
            assert "see that the Docker engine runs" in said["error"]
            at = time.monotonic()
        engine.start_engine()
        until = time.monotonic()
        seen = change_is_seen(apps, *others)
        wait_until(lambda: apps.slots().keys().isdisjoint(gone), "its tasks are replaced", 60)
        apps.settle()
    print(f"engine restarted ({number.name}, {len(gone)} tasks): {crowd}; change seen after {seen:.2f} s")
    expect_no_more_than_was_lost(crowd, at, gone, until)


def test_the_leader_is_killed(apps: Apps):
    """Traffic through the others goes on; they follow the new leader, and the tasks that the old one had are replaced."""
    lab = apps.lab
    leader = next(n for n in (1, 2, 3) if is_leader(lab, n))
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


def test_without_a_quorum_traffic_goes_on(apps: Apps):  # the last one: it leaves the tasks where they come to be
    """Two of three managers lose power. The third can decide nothing and still sends to the tasks that it knows; what is
    gone with the others is found out by requests. Once a majority is back, the next change is seen."""
    lab = apps.lab
    left = max((1, 2, 3), key=lambda n: len(apps.on(n)))
    lost = tuple(n for n in (1, 2, 3) if n != left)
    gone = [who for n in lost for who in apps.on(n)]
    with Crowd(lab, nodes=(left,), each=EACH + 5) as crowd:
        time.sleep(2)
        at = time.monotonic()
        for node in lost:
            lab.kill(node)
        until = time.monotonic()
        said = wait_until(lambda: (found := apps.ready(left))["error"] and found, "the proxy sees it", 60)
        later = wait_until(lambda: (found := apps.ready(left))["age"] > said["age"] + 1 and found, "the table ages")
        time.sleep(max(0.0, at + OUTAGE - time.monotonic()))
        for node in lost:
            lab.nodes[node - 1].start()
        for node in lost:
            lab.nodes[node - 1].wait_ready()
        wait_until(lambda: not apps.ready(left)["error"], "it is in step again", 90)
        seen = change_is_seen(apps, left)
    print(f"quorum lost ({len(gone)} tasks): {crowd}; change seen after {seen:.2f} s")
    assert said["ready"]
    assert later["ready"]
    expect_no_more_than_was_lost(crowd, at, gone, until)
