"""What this program takes of the machine, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident(pids: Iterable[int]) -> int:
    """Bytes of memory, summed; pages that processes share count for each."""
    return sum(_resident(pid) for pid in pids)


def open_files(pids: Iterable[int]) -> int:
    """Descriptors, summed."""
    return sum(_open_files(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):  # it has ended
        return 0


def _open_files(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  # without an object for each
    except OSError:
        return 0
