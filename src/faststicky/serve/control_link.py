"""From the options to a source and its control thread, and from that thread to the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from faststicky.control import keyring
from faststicky.control.health import Health, Target
from faststicky.control.overrides import Overrides
from faststicky.control.thread import ControlStatus, ControlThread
from faststicky.discovery.dns import DnsSource
from faststicky.discovery.file import FileSource
from faststicky.discovery.source import Source
from faststicky.discovery.static import StaticSource
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import ConfigError, DiscoveryError
from faststicky.labels.reading import LabelDefaults
from faststicky.model import TableSpec
from faststicky.serve.health_checks import HealthChecks
from faststicky.settings import RunOptions

STOP_PATIENCE = 3.0  # seconds; a source that hangs longer is left behind, its thread ends with the process


class ControlLink:
    """The control thread, as the event loop sees it."""

    def __init__(self, options: RunOptions, on_table: Callable[[TableSpec], None]) -> None:
        """on_table: called on the running event loop. Raises ConfigError for what is wrong from the start."""
        loop = asyncio.get_running_loop()
        state_dir = Path(options.state_dir)
        keyring.load("any", state_dir)  # with a cluster's ID it only reads the secrets, and tells if one is unusable

        def publish(table: TableSpec) -> None:
            loop.call_soon_threadsafe(on_table, table)

        def ask(targets: tuple[Target, ...]) -> None:
            loop.call_soon_threadsafe(self._checks.follow, targets)

        health = Health(on_targets=ask, on_change=lambda: self._thread.wake())
        self._checks = HealthChecks(health.record)
        self.overrides = Overrides(state_dir)
        self._thread = ControlThread(
            source_of(options), publish, state_dir=state_dir, health=health, overrides=self.overrides
        )

    @property
    def status(self) -> ControlStatus:
        """How it stands now."""
        return self._thread.status

    def start(self) -> None:
        """`on_table` follows as soon as there is a table."""
        self._thread.start()

    def reload(self) -> None:
        """Look at the source now."""
        self._thread.wake()

    async def drain(self, backends: dict[str, str], *, undo: bool = False) -> None:
        """backends: names by ID. Raises OSError when the next start will not know; it is in force all the same."""
        try:
            await asyncio.to_thread(self.overrides.undo if undo else self.overrides.drain, backends)
        finally:
            self._thread.wake()

    async def stop(self) -> None:
        """Without blocking the event loop."""
        await asyncio.to_thread(self._thread.stop, STOP_PATIENCE)
        await self._checks.stop()


def source_of(options: RunOptions) -> Source:
    """The one that the options ask for. Raises ConfigError; a file has to be good when the proxy starts."""
    if options.backends:
        return StaticSource(options.backends)
    if options.dns:
        return DnsSource(options.dns)
    if options.config:
        source = FileSource(options.config)
        try:
            source.content()
        except DiscoveryError as error:
            raise ConfigError(error.what, where=error.where, remedy="mend it, then start again") from error
        return source
    defaults = LabelDefaults(
        exposed_by_default=options.exposed_by_default, network=options.network, domain=options.domain
    )
    return SwarmSource(options.docker_endpoint, defaults=defaults)
