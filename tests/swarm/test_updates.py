"""How often a rolling update moves a user: counted, with a crowd that never stops asking."""

from __future__ import annotations

from collections import Counter

import pytest

from .apps import Apps
from .crowd import Crowd
from .lab import Lab

TASKS = 4
EACH = (
    12  # users of each proxy: even if all that a worker has wait at one task they are no crowd (core/table/balance.pxi)
)


@pytest.fixture(scope="module")
def apps(lab: Lab) -> Apps:
    return Apps(lab, TASKS)


def moved(apps: Apps, *command: str) -> Crowd:
    """A crowd that has lived through it."""
    before = apps.slots()
    with Crowd(apps.lab, nodes=(1, 2), each=EACH) as crowd:
        apps.settle()
        apps.change(*command)
        apps.wait_replaced(before)
    print(f"{' '.join(command)}: {crowd}")
    assert crowd.complaints == []
    assert all(user.path[0] in before for user in crowd.users)
    return crowd


def test_start_first_moves_everybody_once_and_within_the_slot(apps: Apps):
    before = apps.slots()
    crowd = moved(apps, "update", "--force", "--update-order", "start-first")
    after = apps.slots()
    assert [user.moves for user in crowd.users] == [1] * len(crowd.users)
    for user in crowd.users:
        old, new = user.path
        assert after[new] == before[old]


@pytest.mark.parametrize("command", [("update", "--force", "--update-order", "stop-first"), ("rollback",)])
def test_stop_first_moves_everybody_once_but_for_those_who_go_first(apps: Apps, command: tuple[str, ...]):
    """The users of the task that is stopped first have to go to one that is stopped later."""
    before = apps.slots()
    crowd = moved(apps, *command)
    last = {answer.who: answer.began for answer in crowd.answers}
    first = min(before, key=lambda who: last[who])
    for user in crowd.users:
        assert user.moves <= (2 if user.path[0] == first else 1), user.path
    assert max(Counter(user.path[-1] for user in crowd.users).values()) <= 0.6 * len(crowd.users)
