"""How long tests wait for what must happen, and how much memory may be taken: the one place that knows of slower builds.

TEST_FACTOR (environment) is set by tools/asan: under sanitizers everything takes some times as long, and as much memory.
"""

from __future__ import annotations

import os

FACTOR = float(os.environ.get("TEST_FACTOR", "1"))


def seconds(usual: float) -> float:
    """Until something that must happen is given up."""
    return usual * FACTOR


def size(usual: int) -> int:
    """Bytes of a process's memory."""
    return int(usual * FACTOR)
