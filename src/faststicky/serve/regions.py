"""Shared memory in which the workers count: a region for each, made by the supervisor, never written by two at a time.

A region outlives its worker: what a dead one counted stays, and its successor goes on there. One that leaves of its own
accord keeps its region to its end, so that its successor, which serves beside it, takes another.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

from faststicky.core import _stats


class Region:
    """`fd` is what a worker inherits; `memory` is the supervisor's view of the same pages."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("faststicky-stats", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, _stats.REGION_SIZE)  # sparse: only what is counted in takes memory
        self.memory = mmap.mmap(self.fd, _stats.REGION_SIZE)
        self.in_use = False

    def close(self) -> None:
        """The worker's own mapping stays."""
        self.memory.close()
        os.close(self.fd)


class Regions:
    """As many as there were workers at one time."""

    def __init__(self) -> None:
        self._all: list[Region] = []

    def __iter__(self) -> Iterator[Region]:
        return iter(tuple(self._all))

    def acquire(self) -> Region:
        """One that no worker writes to; counting goes on where the last one stopped."""
        region = next((region for region in self._all if not region.in_use), None)
        if region is None:
            region = Region()
            self._all.append(region)
        region.in_use = True
        return region

    def release(self, region: Region) -> None:
        """Its worker is gone."""
        region.in_use = False

    def clear_service(self, series: int) -> None:
        """In all of them."""
        for region in self._all:
            _stats.clear_service(region.memory, series)

    def clear_backend(self, series: int) -> None:
        """In all of them."""
        for region in self._all:
            _stats.clear_backend(region.memory, series)

    def close(self) -> None:
        """When no worker is left."""
        for region in self._all:
            region.close()
        self._all.clear()
