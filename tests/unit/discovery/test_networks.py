"""On which address a task is reached."""

from __future__ import annotations

import pytest

from faststicky.discovery.networks import choose, explain
from faststicky.discovery.swarm_shapes import Task
from unit.discovery import engine

INGRESS = ("ingress", "10.255.0.7/16")
APP = ("app", "10.0.1.5/24")
DATA = ("data", "10.0.2.5/24")


def task(*addresses):
    return engine.decoded(engine.task("web", 1, *addresses), Task)


@pytest.mark.parametrize(
    ("addresses", "wanted", "own", "host", "problem"),
    [
        ([INGRESS, DATA, APP], "app", None, "10.0.1.5", ""),
        ([INGRESS, DATA, APP], "net-app", None, "10.0.1.5", ""),
        ([INGRESS, DATA, APP], "", {"net-app", "net-ingress"}, "10.0.1.5", ""),
        ([INGRESS, DATA, APP], "gone", {"net-app"}, "10.0.1.5", "absent"),
        ([INGRESS, DATA], "gone", {"net-app"}, "10.0.2.5", "absent"),
        ([INGRESS, DATA], "ingress", None, "10.0.2.5", "absent"),
        ([INGRESS, APP], "", None, "10.0.1.5", ""),
        ([INGRESS, DATA, APP], "", None, "10.0.2.5", "ambiguous"),
        ([INGRESS, DATA], "", {"net-app"}, "10.0.2.5", "unshared"),
        ([INGRESS], "", None, "", "none"),
        ([INGRESS], "", {"net-ingress"}, "", "none"),
        ([], "", None, "", "none"),
        ([("app", "nonsense")], "app", None, "", "none"),
    ],
)
def test_choose(addresses, wanted, own, host, problem):
    choice = choose(task(*addresses), wanted, own)
    assert (choice.host, choice.problem) == (host, problem)
    assert bool(explain(choice.problem, "web", wanted, choice.networks)) == bool(problem)


def test_ipv4_is_preferred():
    both = engine.task("web", 1, ("app", "fd00::5/64"))
    assert choose(engine.decoded(both, Task), "app", None).host == "fd00::5"
    both["NetworksAttachments"][0]["Addresses"].append("10.0.1.5/24")
    assert choose(engine.decoded(both, Task), "app", None).host == "10.0.1.5"


def test_other_drivers_only_by_name_or_when_shared():
    raw = engine.task("web", 1, ("lan", "192.0.2.5/24"))
    raw["NetworksAttachments"][0]["Network"]["DriverState"]["Name"] = "macvlan"
    task = engine.decoded(raw, Task)
    assert choose(task, "lan", None).host == "192.0.2.5"
    assert choose(task, "", {"net-lan"}).host == "192.0.2.5"
    assert choose(task, "", None).problem == "none"
