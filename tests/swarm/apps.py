"""An application and a proxy on each manager, and how one waits for what becomes of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from .client import get
from .image import IMAGE
from .lab import Lab, wait_until

LABELS = {
    "faststicky.port": "8000",
    "faststicky.rule": "PathPrefix(`/`)",
    "faststicky.network": "app",
    "faststicky.sticky": "true",
}

# Without it a task is `running`, and its predecessor stopped, before it listens
HEALTH = (
    "--health-cmd", "bash -c '</dev/tcp/127.0.0.1/8000'", "--health-interval", "1s", "--health-timeout", "5s",
    "--health-retries", "10",
)  # fmt: skip


SOCKET = ("--mount", "type=bind,source=/var/run/docker.sock,destination=/var/run/docker.sock")


def create_app(lab: Lab, name: str, tasks: int, labels: Mapping[str, str], *options: str) -> None:
    """A service of so many tasks of `faststicky whoami` on the network `app`."""
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    lab.docker(
        "service", "create", "-d", "--name", name, "--replicas", str(tasks), "--network", "app", "--endpoint-mode",
        "dnsrr", "--update-delay", "0s", "--stop-grace-period", "10s", *words, *options, IMAGE, "whoami",
    )  # fmt: skip


def create_proxy(
    lab: Lab,
    *arguments: str,
    name: str = "proxy",
    ports: tuple[int, int] = (8080, 9090),
    on: str = "node.role==manager",
    options: tuple[str, ...] = SOCKET,
) -> None:
    """A global service of proxies. ports: on which its nodes have it, and its page; arguments: of `faststicky run`."""
    lab.docker(
        "service", "create", "-d", "--name", name, "--mode", "global", "--constraint", on,
        "--publish", f"mode=host,published={ports[0]},target=80", "--publish", f"mode=host,published={ports[1]},target=8080",
        "--network", "app", "--endpoint-mode", "dnsrr", "--stop-grace-period", "20s", *options,
        IMAGE, "run", "--swarm", "--web", *arguments,
    )  # fmt: skip


class Apps:
    """The service `web` of `tasks` tasks (`faststicky whoami`), and the global service `proxy`."""

    def __init__(self, lab: Lab, tasks: int, *options: str, managers: tuple[int, ...] = (1, 2)) -> None:
        self.lab = lab
        self.managers = managers
        self.count = tasks
        lab.docker("network", "create", "app", "-d", "overlay")
        create_app(lab, "web", tasks, LABELS, *HEALTH, *options)
        create_proxy(lab)
        self.settle()

    def slots(self) -> dict[str, str]:
        """Who answers ("I'm CONTAINER") to its slot ("web.1")."""
        found = {}
        for node in self.lab.nodes:
            listed = node.docker("ps", "--format", "{{.ID}} {{.Names}}", check=False, quiet=True) or ""
            for line in listed.splitlines():
                ident, name = line.split()
                if name.startswith("web."):
                    found[f"I'm {ident}"] = name.rpartition(".")[0]
        return found

    def on(self, node: int) -> list[str]:
        """Who answers on this node."""
        listed = self.lab.nodes[node - 1].docker("ps", "-q", "--filter", "label=com.docker.swarm.service.name=web")
        return [f"I'm {ident}" for ident in (listed or "").split()]

    def settle(self) -> None:
        """Until all tasks run and every proxy sends to all of them."""
        wait_until(lambda: len(self.slots()) == self.count, f"{self.count} tasks run", 90)
        for node in self.managers:
            wait_until(lambda node=node: self._spread(node), f"the proxy on n{node} sends to all tasks", 90, 0.5)

    def _spread(self, node: int) -> bool:
        try:
            answers = [get(self.lab, node, timeout=3) for _ in range(3 * self.count)]
        except OSError:
            return False
        return {answer.body.strip() for answer in answers} == self.slots().keys()

    def change(self, verb: str, *words: str, node: int = 1) -> None:
        """`docker service VERB WORDS web`. Swarm refuses ("out of sequence") while it works on the service itself."""
        command = ("service", verb, "-d", *words, "web")
        wait_until(lambda: self.lab.nodes[node - 1].docker(*command, check=False) is not None, f"{verb} is accepted")

    def scale(self, tasks: int, node: int = 1) -> None:
        """To so many tasks."""
        self.count = tasks
        command = ("service", "scale", "-d", f"web={tasks}")
        wait_until(lambda: self.lab.nodes[node - 1].docker(*command, check=False) is not None, "scaling is accepted")

    def wait_replaced(self, before: dict[str, str]) -> None:
        """Until none of these tasks is there any more, the update is complete and everybody is reached."""
        wait_until(lambda: self.slots().keys().isdisjoint(before), "all tasks are replaced", 120)
        form = "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
        wait_until(
            lambda: self.lab.docker("service", "inspect", "--format", form, "web").endswith("completed"),
            "the update is complete", 60,
        )  # fmt: skip
        self.settle()
        time.sleep(1)

    def ready(self, node: int, port: int = 9090) -> dict[str, Any]:
        """What /ready says there."""
        found: dict[str, Any] = json.loads(get(self.lab, node, port, "/ready").body)
        return found
