from __future__ import annotations

import msgspec
import pytest

from faststicky.bench.child import Child
from faststicky.bench.plan import Plan, Target
from faststicky.bench.slices import Slice, total


@pytest.fixture
def port():
    with Child("faststicky.bench.backend", "ann") as child:
        yield int(child.first_line())


def generated(plan: Plan) -> list[Slice]:
    with Child("faststicky.bench.generator") as child:
        child.tell(msgspec.json.encode(plan))
        return [msgspec.json.decode(line, type=Slice) for line in child.output]


def test_slices_have_no_gaps(port):
    target = Target.parse(f"http://127.0.0.1:{port}/")
    slices = generated(Plan(target=target, connections=2, duration=0.6, warm_up=0.3))
    assert slices[0].phase == "warm-up"
    assert [a.end for a in slices[:-1]] == [b.begin for b in slices[1:]]
    run = total(part for part in slices if part.phase == "run")
    assert run.end - run.begin == pytest.approx(0.6, abs=0.3)
    assert run.requests > 0
    assert run.errors == {}


def test_so_many_requests_and_no_more(port):
    target = Target.parse(f"http://127.0.0.1:{port}/")
    slices = generated(Plan(target=target, connections=5, duration=0, requests=123, warm_up=0))
    assert total(slices).requests == 123


def test_it_ends_when_nobody_is_left_who_wants_it(port):
    target = Target.parse(f"http://127.0.0.1:{port}/")
    with Child("faststicky.bench.generator") as child:
        child.tell(msgspec.json.encode(Plan(target=target, duration=3600)))
        child.first_line()
    assert child.process.returncode == 0


def test_nobody_listens(port):
    target = Target.parse(f"http://127.0.0.1:{port}/")
    gone = msgspec.structs.replace(target, host="127.0.0.2", port=1)
    slices = generated(Plan(target=gone, connections=2, duration=0, requests=4, warm_up=0))
    assert (total(slices).requests, total(slices).errors) == (0, {"connect": 4})
