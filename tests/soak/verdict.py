"""What a run has shown, and whether that is good."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from patience import size
from soak.ledger import Ledger
from soak.watch import Sample

MIB = 1 << 20
SHORT = 600.0  # seconds; a shorter run is mostly warming up
# The allocator's fragmentation moves with the mix of the moment; the interpreter's caches and the pools fill up in the first
# quarter. In the other three a worker serves some 100,000 connections in an hour: 2 MiB are 20 bytes for each of them, and
# the smallest Python object that could be left takes more.
MOST_GROWTH = 2 * MIB
MOST_GROWTH_SHORT = size(32 * MIB)


@dataclass(frozen=True)
class Check:
    """One line of the verdict."""

    what: str
    found: str
    wanted: str
    good: bool


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes of all pairs (Theil and Sen): a peak does not tilt it, a leak does."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2) if b[0] > a[0]]
    return statistics.median(slopes) if slopes else 0.0


def growth(samples: Sequence[Sample], pid: int) -> float:
    """Bytes that a process has grown by over the last three quarters, by its slope."""
    begin = samples[0].at + (samples[-1].at - samples[0].at) / 4
    points = [(each.at, float(each.memory[pid])) for each in samples if each.at >= begin and pid in each.memory]
    return slope(points) * (points[-1][0] - points[0][0]) if len(points) > 1 else 0.0


def alive(sample: Sample) -> dict[str, int]:
    """Connections, exchanges, tables and deadlines. Memory is that of a table, which is another one each time."""
    return {name: number for name, number in sample.live.items() if not name.startswith("memory_")}


def judge(
    ledger: Ledger, before: Sample, under: Sequence[Sample], after: Sample, smuggled: int, complaints: Sequence[str]
) -> list[Check]:
    """before: the idle proxy; under: samples under load, in order; after: when the load had stopped.

    smuggled: requests at backends that must not be there. complaints: lines of the proxy's log that tell of a fault.
    """
    seconds = under[-1].at - under[0].at
    most = MOST_GROWTH if seconds >= SHORT else MOST_GROWTH_SHORT
    asked, harmed = sum(ledger.requests.values()), sum(ledger.harm.values())
    checks = [
        Check("requests of users harmed", f"{harmed} of {asked}", "0", not harmed and asked > 0),
        Check("attackers that saw what they must not", f"{sum(ledger.wrong.values())}", "0", not ledger.wrong),
        Check("requests smuggled to backends", f"{smuggled}", "0", not smuggled),
    ]
    for number, pid in enumerate(before.memory):
        name = "supervisor" if not number else f"worker {number}"
        grown = growth(under, pid)
        checks.append(
            Check(f"memory of the {name} grew by", f"{grown / MIB:+.2f} MiB", f"< {most // MIB} MiB", grown < most)
        )
        found, wanted = after.files.get(pid, -1), before.files[pid]
        checks.append(Check(f"descriptors of the {name}", f"{found}", f"{wanted}", found == wanted))
    left = {name: number for name, number in alive(after).items() if number != before.live.get(name)}
    new = after.generation - before.generation
    checks += [
        Check("live objects that differ from the start", f"{left or 'none'}", "none", not left),
        Check("workers replaced", f"{after.restarts}", "0", after.workers == before.workers and not after.restarts),
        Check("tables put in force", f"{new} of {ledger.changes}", ">= half", new >= ledger.changes / 2),
        Check("faults in the proxy's log", f"{len(complaints)}", "0", not complaints),
    ]
    return checks


def passed(checks: Sequence[Check]) -> bool:
    """All of them."""
    return all(check.good for check in checks)


def table(checks: Sequence[Check]) -> str:
    """For people."""
    rows = [("", "", "found", "wanted"), *(("ok" if c.good else "BAD", c.what, c.found, c.wanted) for c in checks)]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
