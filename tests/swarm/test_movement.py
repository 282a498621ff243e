"""While the Swarm moves nothing is lost: updates, scaling, drained nodes, removal, with users who never stop asking."""

from __future__ import annotations

import time

import pytest

from .apps import create_app, create_proxy
from .client import get
from .lab import Lab, wait_until
from .users import User, Users, sessions

COOKIE = "_stick"
REPLICAS = 2
LABELS = {
    "traefik.docker.network": "app",
    "traefik.port": "8000",
    "traefik.frontend.rule": "PathPrefix:/",
    "traefik.backend.loadbalancer.stickiness": "true",
    "traefik.backend.loadbalancer.stickiness.cookieName": COOKIE,
}
MANAGERS = (1, 2)
BEFORE_THE_SIGNAL = 2.9  # seconds after `scale`; Docker sends the stop signal after 3.1


@pytest.fixture(scope="module")
def web(lab: Lab) -> Lab:
    """A service of two tasks, and a proxy on each manager that sends to both."""
    lab.docker("network", "create", "app", "-d", "overlay")
    create_app(lab, "web", REPLICAS, LABELS)
    create_proxy(lab)
    wait_for_tasks(lab, REPLICAS)
    return lab


def slots(lab: Lab) -> dict[str, str]:
    """Who answers ("I'm CONTAINER") to its slot ("web.1")."""
    found = {}
    for node in lab.nodes:
        for line in (node.docker("ps", "--format", "{{.ID}} {{.Names}}") or "").splitlines():
            ident, name = line.split()
            if name.startswith("web."):
                found[f"I'm {ident}"] = name.rpartition(".")[0]
    return found


def wait_for_tasks(lab: Lab, count: int) -> None:
    """Until exactly `count` tasks run and every proxy sends to all of them."""
    wait_until(lambda: len(slots(lab)) == count, f"{count} tasks run", 60)

    def spread(node: int) -> bool:
        try:
            answers = [get(lab, node, timeout=3) for _ in range(2 * count)]
        except OSError:
            return False
        return {answer.body.strip() for answer in answers} == slots(lab).keys()

    for node in MANAGERS:
        wait_until(lambda node=node: spread(node), f"the proxy on n{node} sends to {count} tasks", 60, 0.5)


def update(lab: Lab, *words: str) -> None:
    """Swarm refuses an update ("out of sequence") while it works on the service itself."""
    wait_until(
        lambda: lab.nodes[0].docker("service", "update", "-d", *words, "web", check=False) is not None, "updated"
    )


def settled(lab: Lab) -> bool:
    state = lab.docker("service", "inspect", "--format", "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}", "web")
    return state == "completed"


@pytest.mark.parametrize("order", ["stop-first", "start-first"])
def test_a_rolling_update_loses_nothing_and_keeps_slots(web: Lab, order: str):
    before = slots(web)
    idle = sessions(web, 1, COOKIE, REPLICAS)  # their users do nothing while the tasks are replaced
    with Users(web) as users:
        update(web, "--force", "--update-order", order)
        wait_until(lambda: slots(web).keys().isdisjoint(before), "all tasks are replaced", 60)
        wait_until(lambda: settled(web), "the update is complete", 60)
        wait_for_tasks(web, REPLICAS)
    assert users.complaints == []
    assert max(user.moves for user in users.all) <= REPLICAS  # at most once for each task that was replaced
    after = slots(web)
    for who, cookie in idle.items():
        for node in MANAGERS:
            answer = get(web, node, cookie=cookie)
            assert after[answer.body.strip()] == before[who], "another slot's task"


def test_a_drained_node_loses_nothing(web: Lab):
    node = next(n for n in (3, 2, 1) if any(slot.startswith("web.") for slot in _slots_of(web, n)))
    with Users(web, nodes=tuple(n for n in MANAGERS if n != node)) as users:
        web.docker("node", "update", "--availability", "drain", f"n{node}")
        wait_until(lambda: not _slots_of(web, node), f"n{node} has no task any more", 60)
        wait_until(lambda: len(slots(web)) == REPLICAS, "all tasks run elsewhere", 60)
    web.docker("node", "update", "--availability", "active", f"n{node}")
    assert users.complaints == []
    assert max(user.moves for user in users.all) <= 1


def _slots_of(lab: Lab, node: int) -> list[str]:
    names = (lab.nodes[node - 1].docker("ps", "--format", "{{.Names}}") or "").split()
    return [name.rpartition(".")[0] for name in names if name.startswith("web.")]


@pytest.mark.parametrize(("drain", "stays"), [("leave", False), ("stay", True)])
def test_scaling_loses_nothing_and_users_leave_before_the_stop_signal_or_stay(web: Lab, drain: str, stays: bool):
    update(web, "--label-add", f"faststicky.drain={drain}")  # labels alone replace no task
    wait_for_tasks(web, REPLICAS)
    with Users(web, each=6) as users:
        time.sleep(1)  # everybody has a task, and the proxies have read the label
        asked = time.monotonic()
        web.docker("service", "scale", "-d", f"web={REPLICAS - 1}")
        wait_until(lambda: len(slots(web)) == REPLICAS - 1, "a task has ended", 60)
        web.docker("service", "scale", "-d", f"web={REPLICAS}")
        wait_for_tasks(web, REPLICAS)
    assert users.complaints == []
    assert max(user.moves for user in users.all) <= 1
    moved = [_moved_at(user) - asked for user in users.all if user.moves]
    assert moved, "nobody was on the task that ended"
    if stays:
        assert min(moved) > BEFORE_THE_SIGNAL
    else:
        assert max(moved) < BEFORE_THE_SIGNAL


def _moved_at(user: User) -> float:
    """When another task answered for the first time."""
    first = user.answers[0][2]
    return next(when for when, _, who in user.answers if who != first)


def test_a_removed_service_answers_503_while_its_tasks_end_and_then_404(web: Lab):  # the last one: it takes it away
    users = [User(web, node) for node in MANAGERS]
    with web.inside():
        for user in users:
            user.ask()
        update(web, "--label-add", "faststicky.drain=leave")
        time.sleep(1.5)
        web.docker("service", "rm", "web")
        end = time.monotonic() + 30
        while time.monotonic() < end and any(user.answers[-1][1] != 404 for user in users):
            for user in users:
                user.ask()
            time.sleep(0.05)
    for user in users:
        user.close()
        statuses = [status for _, status, _ in user.answers]
        assert user.errors == []
        assert list(dict.fromkeys(statuses)) == [200, 503, 404]
        assert statuses == sorted(statuses, key=[200, 503, 404].index), "there was a way back"
