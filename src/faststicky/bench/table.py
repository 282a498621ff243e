"""Results as tables for people."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from faststicky.bench.during import Cost
from faststicky.bench.result import PERCENTILES, Result
from faststicky.bench.slices import Histogram

MOST_BACKENDS = 12


def duration(microseconds: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return (
                f"{microseconds / size:.3g} {unit}"
                if microseconds < 100 * size
                else f"{microseconds / size:.0f} {unit}"
            )
    return f"{microseconds:.0f} µs"


def size(count: float) -> str:
    """Bytes, with a binary unit."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count:.0f} B"


def counted(errors: dict[str, int]) -> str:
    """ "3 reset, 1 timeout", or "none"."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(errors.items())) or "none"


def show(console: Console, result: Result) -> None:
    """One run."""
    latencies = Table(
        "latency", *(f"p{100 * share:g}" for share in PERCENTILES), "max", "mean", box=None, pad_edge=False
    )
    if result.open_loop:
        _row(latencies, "from the planned moment", result.sum.corrected)
        _row(latencies, "from sending (not corrected)", result.sum.latency)
        _row(latencies, "the generator's own lateness", result.sum.late)
    else:
        _row(latencies, "sent to last byte", result.sum.latency)
    facts = Table(box=None, show_header=False, pad_edge=False)
    wanted = f" of {result.wanted_rate:g} wanted" if result.open_loop else ""
    facts.add_row("requests", f"{result.sum.requests} in {result.seconds:.1f} s, {result.rate:,.0f}/s{wanted}")
    facts.add_row("received", f"{size(result.sum.bytes_in)}, {size(result.sum.bytes_in / max(result.seconds, 1e-9))}/s")
    facts.add_row("connections", f"{result.sum.connects} opened in the counted time")
    facts.add_row("errors", f"[{'red' if result.failed else 'green'}]{counted(result.sum.failures)}[/]")
    if result.sum.repeated:
        facts.add_row("asked again", f"{result.sum.repeated}, behind polite ends of connections")
    if result.users:
        facts.add_row("affinity", verdict(result))
    if result.sum.backends:
        facts.add_row("answered by", _backends(result.sum.backends))
    facts.add_row("generator", f"{result.cpu_per_request:.1f} µs of CPU time a request")
    console.print(facts)
    console.print(latencies)


def verdict(result: Result) -> str:
    """Whether users stayed where they were."""
    moved, elsewhere = result.sum.moved, result.sum.elsewhere
    if not result.cookies:
        return "no cookie was set: nobody is kept anywhere"
    kept = "[green]every user stayed[/]" if not elsewhere else f"[red]{moved} of {result.users} users were moved[/]"
    return f"{kept}; {result.cookies} cookies set, {elsewhere} requests answered by another backend"


def show_cost(console: Console, cost: Cost) -> None:
    """What a command in the middle did."""
    code = "did not end in time" if cost.code is None else f"exit code {cost.code}"
    console.print(f"\n[bold]{cost.command}[/]: from {cost.begin:.1f} s to {cost.end:.1f} s, {code}")
    table = Table("", "requests", "errors", "moved requests", "p50", "p99", "p99.9", "max", box=None, pad_edge=False)
    for name, part in cost.parts.items():
        latency = part.corrected if part.corrected.counts else part.latency
        values = [duration(latency.percentile(share)) for share in (0.5, 0.99, 0.999)]
        errors = counted(part.failures)
        table.add_row(name, str(part.requests), errors, str(part.elsewhere), *values, duration(latency.longest))
    console.print(table)


def show_comparison(console: Console, rounds: Sequence[Sequence[Result]]) -> None:
    """Medians over the rounds, and ratios to the first target."""
    table = Table(
        "target", "requests/s", "ratio", "p50", "p99", "p99.9", "ratio of p99", "errors", box=None, pad_edge=False
    )
    columns = [comparison(results) for results in zip(*rounds, strict=True)]
    for each in columns:
        table.add_row(
            each.url,
            f"{each.rate:,.0f}",
            f"{each.rate / columns[0].rate:.2f}" if columns[0].rate else "-",
            *(duration(value) for value in each.percentiles),
            f"{each.percentiles[1] / columns[0].percentiles[1]:.2f}" if columns[0].percentiles[1] else "-",
            str(each.failed),
        )
    console.print(table)


class Column:
    """One target's medians."""

    def __init__(self, url: str, rate: float, percentiles: list[float], failed: int) -> None:
        self.url, self.rate, self.percentiles, self.failed = url, rate, percentiles, failed


def comparison(results: Sequence[Result]) -> Column:
    """All rounds of one target."""
    return Column(
        results[0].url,
        statistics.median(each.rate for each in results),
        [statistics.median(each.latency.percentile(share) for each in results) for share in (0.5, 0.99, 0.999)],
        sum(each.failed for each in results),
    )


def _row(table: Table, name: str, latency: Histogram) -> None:
    values = [duration(latency.percentile(share)) for share in PERCENTILES]
    table.add_row(name, *values, duration(latency.longest), duration(latency.mean))


def _backends(backends: dict[str, int]) -> str:
    most = sorted(backends.items(), key=lambda item: -item[1])
    text = ", ".join(f"{name}: {count}" for name, count in most[:MOST_BACKENDS])
    return text + (f" and {len(most) - MOST_BACKENDS} more" if len(most) > MOST_BACKENDS else "")
