"""The generator processes of one run: started together, their slices told as they come."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections.abc import Callable

import msgspec

from faststicky.bench.child import BenchError, Child
from faststicky.bench.plan import Plan
from faststicky.bench.slices import Slice

OVERTIME = 20.0  # seconds beyond the plan before a process counts as stuck
TICK = 0.1  # seconds between two calls of on_tick


def run_plan(
    plan: Plan,
    processes: int,
    on_slice: Callable[[Slice], None] | None = None,
    on_tick: Callable[[], None] | None = None,
    cpus: tuple[int, ...] = (),
) -> list[Slice]:
    """Carry out `plan`; every slice of every process. Raises BenchError if a process fails.

    cpus: pin the processes to these, in turn.
    """
    found: list[Slice] = []
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child("faststicky.bench.generator")) for _ in range(processes)]
        for index, child in enumerate(children):
            if cpus:
                os.sched_setaffinity(child.pid, {cpus[index % len(cpus)]})
            child.tell(msgspec.json.encode(plan.share(index, processes)))
        selector = stack.enter_context(selectors.DefaultSelector())
        for child in children:
            selector.register(child.output, selectors.EVENT_READ, child)
        length = plan.warm_up + plan.duration + plan.timeout + OVERTIME
        deadline = time.monotonic() + length if plan.duration else float("inf")
        while selector.get_map():
            if time.monotonic() > deadline:
                raise BenchError(f"a generator process is still busy {OVERTIME:g} s after its time")
            for key, _ in selector.select(TICK):
                line = key.data.output.readline()
                if line:
                    found.append(msgspec.json.decode(line, type=Slice))
                    if on_slice is not None:
                        on_slice(found[-1])
                    continue
                selector.unregister(key.data.output)
                if code := key.data.process.wait():
                    raise BenchError(f"a generator process ended with exit code {code}")
            if on_tick is not None:
                on_tick()
    return found
