"""Processes: pinned, measured by what the kernel knows of them, and gone at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path


def tree(pid: int) -> list[int]:
    """The process and all that came from it."""
    found = [pid]
    for children in Path("/proc", str(pid), "task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Time on a CPU of all live threads of the tree, in nanoseconds' resolution (/proc/PID/task/TID/schedstat)."""
    total = 0
    for process in tree(pid):
        for stat in Path("/proc", str(process), "task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(stat.read_text().split()[0])
    return total / 1e9


def memory(pid: int) -> int:
    """Bytes: proportional set size of the tree."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(OSError, StopIteration):
            lines = Path("/proc", str(process), "smaps_rollup").read_text().splitlines()
            total += int(next(line.split()[1] for line in lines if line.startswith("Pss:"))) * 1024
    return total


class Pinned:
    """A command on some CPUs, in a session of its own; its output goes to a file."""

    def __init__(self, command: Sequence[str], cpus: set[int], log: Path, env: dict[str, str] | None = None) -> None:
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                ["taskset", "-c", ",".join(map(str, sorted(cpus))), *command],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})}, start_new_session=True,
            )  # fmt: skip
        self.pid = self.process.pid
        self.log = log

    def stop(self) -> None:
        """SIGTERM to its session, SIGKILL after five seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                continue
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
