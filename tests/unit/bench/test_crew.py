from __future__ import annotations

import pytest

from faststicky.bench.child import Child
from faststicky.bench.crew import run_plan
from faststicky.bench.plan import Plan, Target
from faststicky.bench.result import Result


@pytest.fixture
def target():
    with Child("faststicky.bench.backend", "ann") as child:
        yield Target.parse(f"http://127.0.0.1:{child.first_line()}/")


def test_processes_share_the_work(target):
    seen = []
    plan = Plan(target=target, connections=4, requests=300, duration=0, warm_up=0)
    slices = run_plan(plan, 2, seen.append)
    assert seen == slices
    assert Result.of(plan, slices).sum.requests == 300


def test_the_clock_ticks_meanwhile(target):
    ticks = []
    run_plan(Plan(target=target, connections=1, duration=0.4, warm_up=0), 1, None, lambda: ticks.append(1))
    assert ticks
