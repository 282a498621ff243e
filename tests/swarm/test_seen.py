"""During a rolling update everything that an operator asks is answered by the API and by the logs alone: who is stuck where, what
moved and why, why there was a 503, which label is wrong; and the numbers are those that the clients counted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest

from faststicky.observe.numbers import moved

from .apps import create_app, create_proxy
from .client import get
from .lab import Lab, wait_until
from .users import Users

MANAGERS = (1, 2)
REPLICAS = 3
LABELS = {
    "web": {
        "traefik.docker.network": "app",
        "traefik.port": "8000",
        "traefik.frontend.rule": "PathPrefix:/",
        "traefik.frontend.rul": "Host:forgotten",  # the wrong one
        "traefik.backend.loadbalancer.stickiness": "true",
    },
    "single": {"faststicky.network": "app", "faststicky.port": "8000", "faststicky.rule": "PathPrefix(`/single`)"},
}
NAMES = {"web": "backend-web", "single": "single"}


def deploy(lab: Lab) -> None:
    """A service of three tasks, one of a single task, and a proxy on each manager that serves both."""
    lab.docker("network", "create", "app", "-d", "overlay")
    for name, labels in LABELS.items():
        create_app(lab, name, REPLICAS if name == "web" else 1, labels)
    create_proxy(lab, "--access-log", "json", "--stats-interval", "2s")

    def knows_all(node: int) -> bool:
        try:
            return [backend["state"] for backend in api(lab, node, "/api/backends")["backends"]] == ["up"] * (
                REPLICAS + 1
            )
        except OSError:
            return False

    for node in MANAGERS:
        wait_until(lambda node=node: knows_all(node), f"the proxy on n{node} knows all tasks", 90, 0.5)


def api(lab: Lab, node: int, path: str) -> Any:
    return json.loads(get(lab, node, 9090, path).body)


class Singles:
    """Whoever asks the service of a single task, ten times a second for as long as the block lasts."""

    def __init__(self, lab: Lab) -> None:
        self.statuses: Counter[int] = Counter()
        self.refused: set[int] = set()  # nodes whose proxy has answered 503
        self._lab = lab
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="singles")

    def __enter__(self) -> Singles:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            for node in MANAGERS:
                status = get(self._lab, node, path="/single").status
                self.statuses[status] += 1
                if status == 503:
                    self.refused.add(node)


def settled(lab: Lab, name: str) -> bool:
    form = "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
    return lab.docker("service", "inspect", "--format", form, name) == "completed"


def roll(lab: Lab, look: Any) -> None:
    """Replace every task of both services, stop-first; `look` is called all the time."""
    for name in LABELS:
        wait_until(
            lambda name=name: lab.nodes[0].docker("service", "update", "-d", "--force", name, check=False) is not None,
            "updated",
        )
    wait_until(lambda: look() or all(settled(lab, name) for name in LABELS), "both updates are complete", 120, 0.1)


def take_away(lab: Lab, singles: Singles) -> None:
    """The service of a single task has none, until every proxy has told somebody so."""
    lab.docker("service", "scale", "-d", "single=0")
    wait_until(lambda: singles.refused >= set(MANAGERS), "both proxies have answered 503", 60)
    served = singles.statuses[200]
    lab.docker("service", "scale", "-d", "single=1")
    wait_until(lambda: singles.statuses[200] > served, "the service is back", 60)


def logs(lab: Lab) -> str:
    """As `docker service logs` gives them, of proxies that have ended."""
    lab.docker("service", "update", "-d", "--constraint-add", "node.labels.nowhere==1", "proxy")
    wait_until(lambda: not lab.tasks("proxy"), "the proxies have ended", 60)
    command = ["docker", "-H", lab.nodes[0].socket, "service", "logs", "proxy"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    return done.stdout


def added_up(text: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "faststicky", "stats", "--format", "json"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def own_lines(text: str, event: str) -> list[dict[str, Any]]:
    """Of the program's log."""
    bodies = [body for line in text.splitlines() if (body := line.partition(" | ")[2].strip()).startswith("{")]
    return [fields for body in bodies if (fields := json.loads(body)).get("event", "").startswith(event)]


@pytest.fixture(scope="module")
def told(lab: Lab) -> dict[str, Any]:
    """What was seen during the update, and what the clients counted."""
    deploy(lab)
    states: set[tuple[str, str, str]] = set()

    def look() -> None:
        for node in MANAGERS:
            for backend in api(lab, node, "/api/backends")["backends"]:
                states.add((backend["service"], backend["state"], backend["why"]))

    with Users(lab) as users, Singles(lab) as singles:
        time.sleep(2)
        before = {node: api(lab, node, "/api/sessions") for node in MANAGERS}
        roll(lab, look)
        take_away(lab, singles)
        time.sleep(2)
    events = {node: api(lab, node, "/api/events")["events"] for node in MANAGERS}
    services = {node: api(lab, node, "/api/services")["services"] for node in MANAGERS}
    warnings = {node: api(lab, node, "/api/table")["warnings"] for node in MANAGERS}
    return {"users": users, "singles": singles, "states": states, "before": before, "events": events, "services": services,
            "warnings": warnings, "logs": logs(lab)}  # fmt: skip


def test_the_numbers_are_those_that_the_clients_counted(told: dict[str, Any]):
    web = Counter(status for user in told["users"].all for _, status, _ in user.answers)
    counted = {"web": web, "single": told["singles"].statuses}
    assert told["users"].complaints == []
    for name, statuses in counted.items():
        of_api = [
            service for services in told["services"].values() for service in services if service["name"] == NAMES[name]
        ]
        assert sum(service["counts"]["requests"] for service in of_api) == statuses.total()
        assert sum(service["answers"]["5xx"] for service in of_api) == sum(
            n for status, n in statuses.items() if status >= 500
        )
    data = added_up(told["logs"])
    assert data["lines"].get("damaged", 0) == 0
    assert len(data["nodes"]) == len(MANAGERS)
    everything = counted["web"] + counted["single"]
    assert data["total"]["requests"] == data["access"]["total"]["requests"] == everything.total()
    assert data["access"]["statuses"] == {str(status): count for status, count in sorted(everything.items())}
    for name, statuses in counted.items():
        assert data["services"][NAMES[name]]["requests"] == statuses.total()
        of_tasks = sum(task["requests"] for task in data["tasks"] if task["service"] == NAMES[name])
        tries = (
            statuses.total() - statuses[503] + data["services"][NAMES[name]]["retries"]
        )  # 503: there was no task to try
        assert of_tasks == tries


def test_who_is_stuck_where(told: dict[str, Any]):
    for sessions in told["before"].values():
        (web,) = (service for service in sessions["services"] if service["service"] == NAMES["web"])
        assert web["outcomes"]["new"] > 0
        assert any(backend["sessions"] for backend in web["backends"])
    stuck = [task for task in added_up(told["logs"])["tasks"] if task["service"] == NAMES["web"] and task["sessions"]]
    assert len({task["task"] for task in stuck}) >= 2
    assert all("@n" in task["task"] for task in stuck)


def test_what_moved_and_why(told: dict[str, Any]):
    assert ("single", "draining", "is being stopped; keeps its users") in told["states"]
    assert (NAMES["web"], "leaving", "is being stopped; its users move") in told["states"]
    changes = [
        line["changes"] for line in own_lines(told["logs"], "backends changed") if line["service"] == NAMES["web"]
    ]
    for state in (
        "draining (is being stopped; keeps its users)",
        "leaving (is being stopped; its users move)",
        "came",
        "went",
    ):
        part = f"{state}: web."
        assert any(part in change for change in changes), part
    moves = sum(user.moves for user in told["users"].all)
    outcomes = added_up(told["logs"])["services"][NAMES["web"]]["outcomes"]
    by_reason = moved(outcomes)
    assert sum(by_reason.values()) + outcomes.get("slot", 0) == moves > 0
    assert by_reason.get("leaving", 0) > 0
    for events in told["events"].values():
        assert any(
            event["text"] == "leaving, was draining: is being stopped; its users move"
            and event["task"].startswith("web.")
            for event in events
        )


def test_why_there_was_a_503(told: dict[str, Any]):
    (line, *_) = (line for line in own_lines(told["logs"], "answered") if line.get("status") == 503)
    assert (line["service"], line["reason"]) == ("single", "no-backend")
    assert "docker service ps single" in line["remedy"]
    for events in told["events"].values():
        assert any(event["service"] == "single" and "no-backend" in event["text"] for event in events)


def test_which_label_is_wrong(told: dict[str, Any]):
    for warnings in told["warnings"].values():
        (warning,) = warnings
        assert (warning["service"], warning["label"]) == ("web", "traefik.frontend.rul")
        assert "did you mean traefik.frontend.rule?" in warning["text"]
    (one, other) = own_lines(told["logs"], "service web, traefik.frontend.rul=Host:forgotten")
    assert one["level"] == other["level"] == "warning"
