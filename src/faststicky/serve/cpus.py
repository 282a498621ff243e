"""How many processors this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cpus(root: Path = CGROUP, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Processors by affinity (cpuset), cut to the cgroup's CPU quota (`docker service create --limit-cpu`), at least 1.

    A quota is rounded up: 1.5 processors are worth two workers. Both cgroup versions are read, at the process's own
    group and at the root of the mount (which is the same thing inside a container).
    """
    cpus = len(os.sched_getaffinity(0))
    for quota in _quotas(root, membership):
        cpus = min(cpus, max(1, math.ceil(quota)))
    return cpus


def _quotas(root: Path, membership: Path) -> list[float]:
    found: list[float] = []
    for line in _read(membership).splitlines():
        _, controllers, group = line.split(":", 2)
        base = root / controllers if controllers else root
        for folder in {base, base / group.lstrip("/")}:
            if not controllers:
                found += _ratio(*(_read(folder / "cpu.max").split() or ["max"]))
            elif "cpu" in controllers.split(","):
                found += _ratio(_read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip())
    return found


def _ratio(quota: str = "max", period: str = "100000") -> list[float]:
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:  # "max" and "-1" mean no quota
        return []
    return [int(quota) / int(period)]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""
