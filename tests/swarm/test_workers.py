"""Proxies on a worker, where the Docker API tells nothing of the Swarm: by DNS, and by following those on managers."""

from __future__ import annotations

import subprocess
from collections import Counter

import pytest

from .client import get, try_get
from .image import IMAGE
from .lab import Lab, wait_until

WORKER = 3
BY_ITSELF, TOLD, BY_NAME = 8080, 8081, 8082  # published ports: follows without being told whom, is told, asks the DNS
LABELS = ("faststicky.port=8000", "faststicky.rule=PathPrefix(`/`)")
SOCKET = "type=bind,source=/var/run/docker.sock,destination=/var/run/docker.sock"


@pytest.fixture(scope="module")
def workers(lab: Lab) -> Lab:
    """An application of two tasks, and three kinds of proxies."""
    lab.docker("network", "create", "-d", "overlay", "webnet")
    command = ["docker", "-H", lab.nodes[0].socket, "secret", "create", "faststicky_key", "-"]
    subprocess.run(command, input=b"a secret of 32 bytes and a bit more", check=True, capture_output=True)
    labels = [word for label in LABELS for word in ("--label", label)]
    lab.docker(
        "service", "create", "-d", "--name", "web", "--replicas", "2", "--network", "webnet", "--endpoint-mode", "dnsrr",
        *labels, IMAGE, "whoami",
    )  # fmt: skip
    _proxy(
        lab,
        "proxy",
        BY_ITSELF,
        ("--mount", SOCKET, "--secret", "faststicky_key"),
        "--swarm",
        "--feed-listen",
        "0.0.0.0:7070",
    )
    constraint = ("--constraint", "node.role == worker")
    _proxy(lab, "told", TOLD, (*constraint, "--secret", "faststicky_key"), "--feed", "proxy:7070")
    _proxy(lab, "named", BY_NAME, constraint, "--dns", "web:8000")
    return lab


def _proxy(lab: Lab, name: str, port: int, options: tuple[str, ...], *args: str) -> None:
    lab.docker(
        "service", "create", "-d", "--name", name, "--mode", "global", "--network", "webnet", "--endpoint-mode", "dnsrr",
        "--publish", f"mode=host,published={port},target=80", *options, IMAGE, *args,
    )  # fmt: skip


def _spread(lab: Lab, node: int, port: int) -> Counter[str]:
    answers = [try_get(lab, node, port) for _ in range(12)]
    return Counter(answer.body.strip() for answer in answers if answer and answer.status == 200)


def _expect(lab: Lab, number: int) -> None:
    """Every proxy on the worker knows exactly these tasks."""
    wait_until(lambda: len(lab.tasks("web")) == number, f"{number} tasks run", 90)
    bodies = {f"I'm {name}" for name in lab.tasks("web")}
    for port in (BY_ITSELF, TOLD, BY_NAME):
        wait_until(
            lambda port=port: _spread(lab, WORKER, port).keys() == bodies, f"the proxy at {port} sends to all", 60, 0.5
        )


def test_a_proxy_on_a_worker_knows_the_tasks_and_learns_of_changes(workers: Lab):
    _expect(workers, 2)
    workers.docker("service", "scale", "-d", "web=4")
    _expect(workers, 4)
    workers.docker("service", "scale", "-d", "web=1")
    _expect(workers, 1)
    workers.docker("service", "scale", "-d", "web=3")
    _expect(workers, 3)


def test_a_cookie_of_a_manager_is_good_at_a_worker(workers: Lab):
    def is_good() -> bool:
        """False for a moment where a task that has just started was ejected. A cookie that is not known is answered by another."""
        first = get(workers, 1, BY_ITSELF)
        cookie = "; ".join(f"{name}={value}" for name, value in first.cookies.items())
        again = [get(workers, WORKER, port, cookie=cookie) for port in (BY_ITSELF, TOLD)]
        return all(each.body == first.body and "Set-Cookie" not in each.headers for each in again)

    for _ in range(3):
        wait_until(is_good, "proxies on a worker follow a cookie of a manager's", 60, 0.5)


def test_nobody_complains(workers: Lab):
    for service in ("proxy", "told", "named"):
        assert "Traceback" not in workers.service_logs(service)


def test_workers_go_on_without_managers(workers: Lab):  # the last one: it takes the managers away
    own = {f"I'm {name}" for name, node in workers.tasks("web").items() if node == f"n{WORKER}"}
    assert own, "Swarm spreads three tasks over three nodes"
    for node in (1, 2):
        workers.kill(node)
    for port in (BY_ITSELF, TOLD, BY_NAME):
        wait_until(lambda port=port: _spread(workers, WORKER, port).keys() == own, f"{port} still serves", 60, 0.5)
