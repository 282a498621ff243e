"""docs/benchmarks.md and its pictures, from the measured numbers."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

from scenarios import IDLE, SCENARIOS

FLOOR = "floor"
INTRODUCTION = Path(__file__).with_name("introduction.md")


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def write(found: dict[str, Any], docs: Path) -> None:
    """The page, and one picture for all scenarios."""
    draw(found, docs / "benchmarks-cpu.svg")
    (docs / "benchmarks.md").write_text(page(found))


def page(found: dict[str, Any]) -> str:
    """Markdown."""
    here = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if name != FLOOR)
    values = {**here, "versions": versions}
    lines = [INTRODUCTION.read_text().format_map(values)]
    for scenario in SCENARIOS:
        if scenario.name in found["scenarios"]:
            lines += _table(scenario, found["scenarios"][scenario.name])
    if IDLE in found["scenarios"]:
        lines += _idle(found["scenarios"][IDLE])
    return "\n".join(lines)


def _table(scenario: Any, measured: dict[str, Any]) -> list[str]:
    good = {name: each for name, each in measured["proxies"].items() if "us" in each}
    lines = [f"## {scenario.title}", ""]
    note = f"{measured['rounds']} rounds of {measured['seconds']:g} s" + (f"; {scenario.note}" if scenario.note else "")
    lines += [
        note + ".",
        "",
        "| proxy | CPU µs/request | × floor | × HAProxy | requests/s | p50 ms | p99 ms | p99.9 ms | MiB | errors | "
        "strays | spread |",
        "| --- " * 12 + "|",
    ]
    for name, each in sorted(good.items(), key=lambda item: item[1]["us"]):
        cells = [
            name,
            f"{each['us']:,.1f}",
            _ratio(each, good.get(FLOOR)),
            _ratio(each, good.get("HAProxy")),
            f"{each['rps']:,.0f}",
        ]
        cells += [f"{each[key] / 1000:.2f}" for key in ("p50", "p99", "p999")]
        cells += [
            f"{each['memory'] / (1 << 20):.0f}",
            str(each["errors"]),
            "-" if name == FLOOR else str(each["elsewhere"]),
        ]
        lines.append("| " + " | ".join([*cells, f"{each['spread']:.0%}"]) + " |")
    lines += [
        f"\n{name} did not run: {each['failed'].splitlines()[0]}"
        for name, each in measured["proxies"].items()
        if "failed" in each
    ]
    return [*lines, ""]


def _idle(measured: dict[str, Any]) -> list[str]:
    lines = ["## Idle connections", "", "Memory of the proxy for each kept connection that has made one request.", ""]
    lines += ["| proxy | connections | KiB a connection |", "| --- | --- | --- |"]
    good = {name: each for name, each in measured["proxies"].items() if "bytes" in each}
    for name, each in sorted(good.items(), key=lambda item: item[1]["bytes"]):
        lines.append(f"| {name} | {each['count']} | {each['bytes'] / 1024:.2f} |")
    lines += [
        f"\n{name} did not run: {each['failed']}" for name, each in measured["proxies"].items() if "failed" in each
    ]
    return [*lines, ""]


def _ratio(one: dict[str, Any], other: dict[str, Any] | None) -> str:
    return f"{one['us'] / other['us']:.2f}" if other else "-"


def draw(found: dict[str, Any], path: Path) -> None:
    """CPU time by proxy, as multiples of HAProxy's (or of the first), one group of bars a scenario."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams.update({"svg.hashsalt": "faststicky", "svg.fonttype": "none"})
    names = [scenario.name for scenario in SCENARIOS if scenario.name in found["scenarios"]]
    proxies = list(found["versions"])
    figure, axes = pyplot.subplots(figsize=(9, 3.2), layout="constrained")
    width = 0.8 / len(proxies)
    for at, proxy in enumerate(proxies):
        heights = []
        for name in names:
            good = {key: each["us"] for key, each in found["scenarios"][name]["proxies"].items() if "us" in each}
            base = good.get("HAProxy") or next(iter(good.values()), 1.0)
            heights.append(good.get(proxy, 0.0) / base)
        axes.bar([x + at * width for x in range(len(names))], heights, width, label=proxy)
    axes.set_xticks([x + 0.4 - width / 2 for x in range(len(names))], names)
    axes.set_ylabel("CPU time a request, HAProxy = 1")
    axes.axhline(1, linewidth=0.5, color="black")
    axes.legend(fontsize="small", frameon=False, ncols=len(proxies))
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
