"""Side by side: `python bench/peers [--full]`. Proxies on CPU 0, load and backends on CPU 1, round after round.

Writes build/peers.json, docs/benchmarks.md and its pictures. Run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measure
import proxies
import report
from scenarios import IDLE, QUICK, SCENARIOS, SHARE, Scenario

RESULTS = proxies.ROOT / "build" / "peers.json"


def main() -> int:
    """See --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="every scenario, five rounds of five seconds")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", default="", help="proxies, by name, separated by commas")
    parser.add_argument("--scenarios", default="", help="by name, separated by commas")
    parser.add_argument("--add", action="store_true", help="keep what build/peers.json has of other scenarios")
    parser.add_argument("--report", action="store_true", help="only write the report of build/peers.json")
    given = parser.parse_args()
    if not given.report:
        if (os.cpu_count() or 1) < 2:
            sys.exit("two CPUs are needed: one for the proxy, one for the load")
        old = json.loads(RESULTS.read_text()) if given.add and RESULTS.exists() else {"scenarios": {}, "versions": {}}
        found = run(given, old["scenarios"])
        found["versions"] = {**old["versions"], **found["versions"]}
        RESULTS.write_text(json.dumps(found, indent=1))
    report.write(json.loads(RESULTS.read_text()), proxies.ROOT / "docs")
    return 0


def run(given: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    """Measure. known: scenarios that have been measured; the result has them, too."""
    proxies.install()
    chosen = [p for p in proxies.find() if not given.only or p.name.lower() in given.only.lower().split(",")]
    rounds = given.rounds or (5 if given.full else 3)
    seconds = given.seconds or (5.0 if given.full else 2.0)
    names = (
        given.scenarios.split(",")
        if given.scenarios
        else ([s.name for s in SCENARIOS] + [IDLE])
        if given.full
        else QUICK
    )
    found: dict[str, Any] = {
        "versions": {p.name: p.version for p in chosen},
        "scenarios": dict(known),
        "machine": report.machine(),
    }
    settings = {"rounds": rounds, "seconds": seconds}
    with tempfile.TemporaryDirectory(prefix="faststicky-peers-") as base, measure.backends() as ports:
        Path(base).chmod(0o755)  # nginx's workers are another user
        for scenario in (s for s in SCENARIOS if s.name in names):
            found["scenarios"][scenario.name] = {
                **settings,
                "proxies": _scenario(*_paced(scenario, chosen, found["scenarios"]), Path(base), ports, settings),
            }
        if IDLE in names:
            found["scenarios"][IDLE] = {
                **settings,
                "proxies": _idle(chosen, Path(base), ports, 10_000 if given.full else 2_000),
            }
    return found


def _paced(
    scenario: Scenario, chosen: Sequence[proxies.Proxy], known: dict[str, Any]
) -> tuple[Scenario, list[proxies.Proxy]]:
    """With the rate of its share, and the proxies that can keep up with it."""
    if not scenario.share_of:
        return scenario, list(chosen)
    before = known.get(scenario.share_of, {"proxies": {}})["proxies"]
    rates = {name: each["rps"] for name, each in before.items() if "rps" in each}
    if "HAProxy" not in rates:
        sys.exit(
            f"{scenario.name} needs HAProxy's {scenario.share_of}, measured before it or in an earlier run (--add)"
        )
    rate = round(SHARE * rates["HAProxy"], -3)
    able = [proxy for proxy in chosen if rates.get(proxy.name, 0.0) > rate or not proxy.sticky]
    return scenario._replace(plan={**scenario.plan, "rate": rate}), able


def _scenario(scenario: Any, chosen: Any, base: Path, ports: Any, settings: Any) -> dict[str, Any]:
    """All proxies stay up, and are asked in turn."""
    found: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        up = []
        for proxy in chosen:
            if scenario.only_sticky and not proxy.sticky:
                continue
            if scenario.swap and proxy.swap is None and not scenario.share_of:
                continue
            setup = proxies.Setup(
                measure.folder(base, proxy, scenario.name), measure.addresses(ports, scenario.backends),
                scenario.workers, scenario.log, scenario.fields, frozenset({0, 1} if scenario.workers > 1 else {0}),
            )  # fmt: skip
            try:
                up.append((proxy, setup, *stack.enter_context(measure.running(proxy, setup))))
            except RuntimeError as error:
                found[proxy.name] = {"failed": str(error)[:300]}
                sys.stderr.write(f"{error}\n")
        runs: dict[str, list[dict[str, Any]]] = {}
        for _ in range(settings["rounds"]):
            for proxy, setup, process, port in up:
                one = measure.load(proxy, scenario, setup, process, port, settings["seconds"])
                runs.setdefault(proxy.name, []).append(one)
        for name, each in runs.items():
            found[name] = measure.medians(each)
            sys.stderr.write(f"{scenario.name:10} {name:11} {found[name]['us']:9.2f} us {found[name]['rps']:9.0f}/s\n")
    return found


def _idle(chosen: Any, base: Path, ports: Any, count: int) -> dict[str, Any]:
    found = {}
    count = min(
        count, (measure.allow_files(4 * count) - 1000) // 3
    )  # a proxy may keep two for each client, and some for itself
    for proxy in chosen:
        setup = proxies.Setup(measure.folder(base, proxy, IDLE), measure.addresses(ports, 3))
        try:
            with measure.running(proxy, setup) as (process, port):
                found[proxy.name] = {"bytes": measure.idle_memory(process, port, count), "count": count}
        except (RuntimeError, OSError) as error:  # such as one that takes no more connections
            found[proxy.name] = {"failed": f"{error}"[:300]}
        sys.stderr.write(f"{IDLE:10} {proxy.name:11} {found[proxy.name]}\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
