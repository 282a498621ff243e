"""From what was asked for on the command line to what is printed, written and returned."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
from rich.console import Console

from faststicky.bench import hdr, picture, table
from faststicky.bench.crew import run_plan
from faststicky.bench.during import Cost, During
from faststicky.bench.loopback import loopback
from faststicky.bench.plan import Plan, Target
from faststicky.bench.progress import Live
from faststicky.bench.result import Result
from faststicky.errors import ConfigError

EXIT_ERRORS = 3


class Order(msgspec.Struct, kw_only=True):
    """What to do with a plan."""

    plan: Plan
    processes: int = 1
    compare: tuple[str, ...] = ()  # further URLs
    rounds: int = 3
    during: str = ""
    as_json: bool = False
    hdr: str = ""
    picture: str = ""
    plot: bool = False
    fail_on_errors: bool = False


def carry_out(order: Order) -> int:
    """Run, print, write; the exit code. Raises BenchError and ConfigError."""
    if order.picture:
        picture.check(Path(order.picture))
    out = sys.stderr if order.as_json else sys.stdout
    console = Console(file=out, highlight=False, width=None if out.isatty() else 132)
    if order.compare:
        if order.during or order.hdr:
            raise ConfigError(
                "--compare goes with neither --during nor --hdr", where="command line", remedy="leave one out"
            )
        results = _compare(order, console)
    else:
        results = [_single(order, console)]
    if order.picture:
        picture.write(Path(order.picture), results)
    failed = sum(each.failed for each in results)
    return EXIT_ERRORS if order.fail_on_errors and failed else 0


def against_ourselves(order: Order, backends: int, workers: int) -> int:
    """The same against built-in backends behind a proxy of our own."""
    with loopback(backends, workers) as here:
        target = Target.parse(here.url)
        target = msgspec.structs.replace(target, path=order.plan.target.path)
        plan = msgspec.structs.replace(order.plan, target=target)
        if plan.identify == "cookie":
            plan = msgspec.structs.replace(plan, identify="header", wanted="X-Backend")
        return carry_out(msgspec.structs.replace(order, plan=plan))


def _single(order: Order, console: Console) -> Result:
    plan = order.plan
    seconds = plan.warm_up + plan.duration
    during = None
    with contextlib.ExitStack() as stack:
        live = stack.enter_context(Live(console, plan))
        if order.during:
            if not plan.duration:
                raise ConfigError("--during needs a --duration", where="command line", remedy="give one")
            during = During(order.during, plan.warm_up + plan.duration / 3, plan.duration / 3 * 2)
            during.start()
        slices = run_plan(plan, order.processes, live.on_slice, live.on_tick)
    result = Result.of(plan, slices)
    cost = None
    if during is not None:
        during.join()
        cost = Cost.of(during, slices, seconds)
    if order.as_json:
        _write_json({**result.summary(), **({"during": cost.summary()} if cost is not None else {})})
    else:
        table.show(console, result)
        if cost is not None:
            table.show_cost(console, cost)
        if order.plot:
            sys.stdout.write(picture.terminal(result, console.width) + "\n")
    if order.hdr:
        hdr.write_log(Path(order.hdr), result)
    return result


def _compare(order: Order, console: Console) -> list[Result]:
    """Every target in turn, round after round: what changes with time hits all of them alike."""
    others = (msgspec.structs.replace(order.plan, target=Target.parse(url)) for url in order.compare)
    plans = [order.plan, *others]
    rounds: list[list[Result]] = []
    for number in range(order.rounds):
        results = []
        for plan in plans:
            title = f"round {number + 1} of {order.rounds}: {plan.target.url}"
            with Live(console, plan, title) as live:
                results.append(Result.of(plan, run_plan(plan, order.processes, live.on_slice, live.on_tick)))
        rounds.append(results)
    if order.as_json:
        _write_json({"rounds": [[each.summary() for each in results] for results in rounds]})
    else:
        table.show_comparison(console, rounds)
    return _all(rounds)


def _all(rounds: Sequence[Sequence[Result]]) -> list[Result]:
    """The rounds of each target as one result."""
    found = []
    for results in zip(*rounds, strict=True):
        first = msgspec.structs.replace(results[0], slices=[part for each in results for part in each.slices])
        for other in results[1:]:
            first.sum.add(other.sum)
        found.append(first)
    return found


def _write_json(summary: dict[str, Any]) -> None:
    sys.stdout.write(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())
