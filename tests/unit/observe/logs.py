"""Lines as a proxy writes them, for tests."""

from __future__ import annotations

import datetime
import json
from typing import Any

from faststicky.observe.stats_lines import Facts, build
from unit.observe.samples import sample, service, task

START = datetime.datetime(2026, 11, 22, 12, 0, 0, tzinfo=datetime.UTC)


def stats(node: str, second: int, millis: tuple[int, ...], **more: Any) -> list[str]:
    """One interval of 10 seconds, of a service with one task."""
    facts = Facts(node=node, connections=1, generation=1, sync_age=0.1, workers=1, restarts=0, memory=1, open_files=1)
    registers = [bytes([2, *[0] * 127])]
    web = service("web", task("1", len(millis), registers=registers), millis=millis, registers=registers, **more)
    part = sample(service("", millis=millis, registers=registers, **more), web, seconds=10.0)
    when = START + datetime.timedelta(seconds=second)
    return [line.decode() for line in build(part, facts, {"1": "up"}, when)]


def access(second: int, **more: Any) -> str:
    """One request."""
    fields = {
        "time": (START + datetime.timedelta(seconds=second)).isoformat(),
        "client": "10.0.0.1",
        "method": "GET",
        "host": "a",
        "target": "/a?b=c",
        "version": "1.1",
        "status": 200,
        "bytes": 100,
        "service": "web",
        "backend": "web.1@node1",
        "sticky": "hit",
        "queue": 0.0,
        "connect": 0.1,
        "first": 5.0,
        "total": 6.0,
        "retries": 0,
        "end": "--",
        "referer": "",
        "agent": "curl",
    }
    return json.dumps({**fields, **more})


def prefixed(line: str, node: str, replica: str = "proxy.1.abc") -> str:
    """As `docker service logs` shows it."""
    return f"{replica}@{node}    | {line}"
