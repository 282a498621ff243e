"""Pictures of a run: latency by percentile, and over time; in a file with matplotlib, in the terminal with plotext."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotext

from faststicky.bench.hdr import by_second
from faststicky.bench.result import Result
from faststicky.errors import ConfigError

KINDS = (".png", ".svg")
NINES = (0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)


def check(path: Path) -> None:
    """Before the run: whether the picture can be made. Raises ConfigError."""
    if path.suffix.lower() not in KINDS:
        raise ConfigError(f"{path.name!r} is neither .png nor .svg", where="--picture", remedy="name one")
    try:
        import matplotlib  # noqa: F401  # an extra
    except ImportError:
        raise ConfigError(
            "matplotlib is not installed", where="--picture", remedy="pip install 'faststicky[plot]'"
        ) from None


def by_percentile(result: Result) -> tuple[list[float], list[float]]:
    """x: number of nines (2 is 99 %), y: milliseconds."""
    latency = result.latency
    steps = [i / 10 for i in range(51)]
    known = max(latency.count, 1)
    shown = [x for x in steps if 10**x <= known]  # one value in 10^x is beyond: fewer say nothing
    return shown, [latency.percentile(1 - 10**-x) / 1000 for x in shown]


def over_time(result: Result) -> tuple[list[int], list[float], list[float], list[float]]:
    """Seconds, requests/s, median and p99 in milliseconds."""
    seconds = by_second(result)
    parts = [part.corrected if result.open_loop else part.latency for part in seconds.values()]
    return (
        list(seconds),
        [float(part.requests) for part in seconds.values()],
        [part.percentile(0.5) / 1000 for part in parts],
        [part.percentile(0.99) / 1000 for part in parts],
    )


def write(path: Path, results: Sequence[Result]) -> None:
    """Both diagrams, one line for each result."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "faststicky"  # the same data, the same file
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left: Any = axes[0]
    right: Any = axes[1]
    for result in results:
        left.plot(*by_percentile(result), label=result.url, linewidth=1)
        seconds, _, _, slow = over_time(result)
        right.plot(seconds, slow, label=result.url, linewidth=1)
    left.set(yscale="log", ylabel="latency, ms", xlabel="percentile")
    left.set_xticks(range(6), ["0", "90", "99", "99.9", "99.99", "99.999"])
    right.set(yscale="log", ylabel="p99 of the second, ms", xlabel="second")
    for each in (left, right):
        each.grid(linewidth=0.3)
    left.legend(fontsize="small", frameon=False)
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    pyplot.close(figure)


def terminal(result: Result, width: int) -> str:
    """p50 and p99 over the seconds of the run, as text."""
    seconds, _, median, slow = over_time(result)
    figure = plotext.figure  # there is one
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(min(width, 100), 14)
    figure.title("latency, ms, by second")
    for values, name, marker in ((median, "p50", "."), (slow, "p99", "*")):
        signal = figure.signal(seconds, values, marker=marker)
        signal.label(name)
        signal.lines()
        figure.draw(signal)
    return str(plotext.uncolorize(figure.build().string()))
