"""What the control thread asks of a source of backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from faststicky.model import Snapshot


class Source(Protocol):
    """A source of backends. All methods are called from one thread; none is called after `close`."""

    @property
    def name(self) -> str:
        """For people: "swarm unix:///var/run/docker.sock", "file proxy.toml", "flags". Also in every snapshot."""

    @property
    def interval(self) -> float:
        """Seconds until the next `discover` when nothing hints at a change before; may change with each `discover`."""

    def discover(self) -> Snapshot:
        """A complete picture, made anew. Blocks for a bounded time. Raises DiscoveryError: the last one stays valid."""

    def watch(self, wake: Callable[[], None]) -> None:
        """Begin to call `wake`, from any thread and as often as it likes, when something may have changed.

        Only a hint: `discover` is the truth. A source that has no hints does nothing.
        """

    def close(self) -> None:
        """End what `watch` began and let go of connections. Returns within two seconds."""
