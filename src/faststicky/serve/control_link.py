"""From the options to a source and its control thread, and from that thread to the event loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faststicky.address import Address
from faststicky.control import keyring
from faststicky.control.health import Health, Target
from faststicky.control.overrides import Overrides
from faststicky.control.thread import ControlStatus, ControlThread
from faststicky.discovery.any_node import AnyNodeSource, follower
from faststicky.discovery.dns import DnsSource
from faststicky.discovery.feed import FeedSource
from faststicky.discovery.feed_wire import FeedKey
from faststicky.discovery.file import FileSource
from faststicky.discovery.source import Source
from faststicky.discovery.static import StaticSource
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import ConfigError, DiscoveryError
from faststicky.labels.reading import LabelDefaults
from faststicky.model import Snapshot, TableSpec
from faststicky.settings import RunOptions

if TYPE_CHECKING:  # with aiohttp; only who needs it waits for it
    from faststicky.serve.feed_server import FeedServer
    from faststicky.serve.health_checks import HealthChecks

STALE = 10.0  # seconds without a good answer of the source after which followers had better ask somebody else
STOP_PATIENCE = 3.0  # seconds; a source that hangs longer is left behind, its thread ends with the process


class ControlLink:
    """The control thread, as the event loop sees it."""

    def __init__(self, options: RunOptions, on_table: Callable[[TableSpec], None]) -> None:
        """on_table: called on the running event loop. Raises ConfigError for what is wrong from the start."""
        loop = asyncio.get_running_loop()
        state_dir = Path(options.state_dir)
        key_file = Path(options.key_file) if options.key_file else None
        load_keyring = functools.partial(keyring.load, key_file=key_file)
        load_keyring("any", state_dir)  # with a cluster's ID it only reads the secrets, and tells if one is unusable

        def publish(table: TableSpec) -> None:
            loop.call_soon_threadsafe(on_table, table)

        def ask(targets: tuple[Target, ...]) -> None:
            loop.call_soon_threadsafe(self._check, targets)

        def tell(snapshot: Snapshot) -> None:
            if self.feed is not None:  # what a follower has is old already
                loop.call_soon_threadsafe(self.feed.publish, None if self._is_follower() else snapshot)

        health = Health(on_targets=ask, on_change=lambda: self._thread.wake())
        self._health = health
        self._checks: HealthChecks | None = None
        self.overrides = Overrides(state_dir)
        keys = feed_keys(options, key_file)
        self._source = source_of(options, keys)
        self.feed = self._feed_server(options.feed_listen, keys) if options.feed_listen else None
        self._thread = ControlThread(
            self._source,
            publish,
            state_dir=state_dir,
            overrides=self.overrides,
            health=health,
            on_snapshot=tell,
            load_keyring=load_keyring,
        )

    @property
    def status(self) -> ControlStatus:
        """How it stands now."""
        return self._thread.status

    async def open(self) -> None:
        """Let followers in. Raises ConfigError when that address cannot be listened on."""
        if self.feed is not None:
            await self.feed.start()

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
        if self.feed is not None:
            await self.feed.stop()
        await asyncio.to_thread(self._thread.stop, STOP_PATIENCE)
        if self._checks is not None:
            await self._checks.stop()

    def _check(self, targets: Sequence[Target]) -> None:
        if self._checks is None and targets:
            from faststicky.serve.health_checks import HealthChecks

            self._checks = HealthChecks(self._health.record)
        if self._checks is not None:
            self._checks.follow(targets)

    def _feed_server(self, address: Address, keys: Sequence[FeedKey]) -> FeedServer:
        from faststicky.serve.feed_server import FeedServer

        return FeedServer(address, keys, self._why_not_followed)

    def _is_follower(self) -> bool:
        return isinstance(self._source, AnyNodeSource) and self._source.following

    def _why_not_followed(self) -> str:
        """What followers that have a table are told, so that they ask somebody else; "" if they need not."""
        if self._is_follower():
            return "it is a follower itself"
        status = self._thread.status
        if status.error and (status.age is None or status.age > STALE):
            return f"its own source fails: {status.error}"
        return ""


def feed_keys(options: RunOptions, key_file: Path | None) -> tuple[FeedKey, ...]:
    """What proxies prove with that they are ours. Raises ConfigError if they need it and it is missing."""
    keys = tuple(FeedKey(key) for key in keyring.feed_keys(key_file))
    if not keys and (options.feed or options.feed_listen):
        raise ConfigError(
            "followers and those whom they follow must share a key, and there is none",
            where="--feed" if options.feed else "--feed-listen",
            remedy="give them --key-file, or the secret faststicky_key: "
            "openssl rand -base64 32 | docker secret create faststicky_key -",
        )
    return keys


def source_of(options: RunOptions, keys: Sequence[FeedKey] = ()) -> Source:
    """The one that the options ask for. Raises ConfigError; a file has to be good when the proxy starts."""
    if options.backends:
        return StaticSource(options.backends)
    if options.dns:
        return DnsSource(options.dns)
    if options.feed:
        return FeedSource(options.feed, keys)
    if options.config:
        source = FileSource(options.config)
        try:
            source.content()
        except DiscoveryError as error:
            raise ConfigError(error.what, where=error.where, remedy="mend it, then start again") from error
        return source
    defaults = LabelDefaults(
        exposed_by_default=options.exposed_by_default,
        network=options.network,
        domain=options.domain,
        traefik_provider=options.traefik_provider,
    )
    swarm = SwarmSource(options.docker_endpoint, defaults=defaults)
    if options.feed_listen is None:
        return swarm
    endpoint = options.docker_endpoint
    return AnyNodeSource(swarm, endpoint, follower(options.feed_listen.port, keys, swarm.name))
