"""A Swarm's service that runs on every node: on managers it reads the Swarm, on workers it follows those on managers.

They are found by themselves: the local engine tells, on a worker too, which service this container is a task of, and
Docker's DNS which addresses that service's tasks have. A node that is promoted or demoted changes sides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import msgspec

from faststicky.discovery import own_container
from faststicky.discovery.feed import FeedSource
from faststicky.discovery.feed_wire import FeedKey
from faststicky.discovery.swarm import SwarmSource
from faststicky.discovery.swarm_api import NotAManagerError, SwarmApi
from faststicky.errors import DiscoveryError
from faststicky.model import Snapshot

LOOK_AGAIN = 10.0  # seconds between two looks whether a worker's node has become a manager


class AnyNodeSource:
    """The Swarm itself where that is possible, else a peer that has access to it."""

    def __init__(
        self,
        swarm: SwarmSource,
        endpoint: str,
        follow: Callable[[str], FeedSource],
        *,
        own_ids: Sequence[str] | None = None,
    ) -> None:
        """endpoint: of the local engine. follow: makes the source for tasks of the service with that name.

        own_ids: IDs of the proxy's own container, found when not given.
        """
        self.name = swarm.name
        self.following = False
        """True while this is a follower itself. Read from any thread."""
        self._swarm = swarm
        self._endpoint = endpoint
        self._follow = follow
        self._own_ids = own_container.container_ids() if own_ids is None else own_ids
        self._feed: FeedSource | None = None
        self._wake: Callable[[], None] = lambda: None
        self._looked_at = -math.inf

    @property
    def interval(self) -> float:
        """Of the side that it is on."""
        return self._feed.interval if self._feed is not None else self._swarm.interval

    def discover(self) -> Snapshot:
        """Raises DiscoveryError."""
        now = time.monotonic()
        if self._feed is None or now - self._looked_at > LOOK_AGAIN:
            self._looked_at = now
            try:
                snapshot = self._swarm.discover()
            except NotAManagerError as error:
                self._feed = self._feed or self._begin(error)
            except DiscoveryError:
                if self._feed is None:
                    raise
            else:
                self._end_feed()
                return snapshot
        return msgspec.structs.replace(self._feed.discover(), source=self.name, local_node=self._swarm.node_id)

    def watch(self, wake: Callable[[], None]) -> None:
        """Events of the engine, and what the peer tells."""
        self._wake = wake
        self._swarm.watch(wake)

    def close(self) -> None:
        """Both sides."""
        self._end_feed()
        self._swarm.close()

    def _begin(self, error: NotAManagerError) -> FeedSource:
        """Raises DiscoveryError if it is not known whom to follow."""
        api = SwarmApi(self._endpoint)
        try:
            service = own_container.own_service(self._own_ids, api.container)
        finally:
            api.close()
        if not service:
            remedy = "say whom to follow (--feed tasks.PROXY-SERVICE:PORT), or run it on managers only"
            what = f"{error.what}, and this process is in no container of a Swarm service"
            raise DiscoveryError(what, where=error.where, remedy=remedy)
        feed = self._follow(service)
        feed.watch(self._wake)
        self.following = True
        return feed

    def _end_feed(self) -> None:
        feed, self._feed = self._feed, None
        self.following = False
        if feed is not None:
            feed.close()


def follower(port: int, keys: Sequence[FeedKey], name: str) -> Callable[[str], FeedSource]:
    """What `follow` is: the tasks of that service, at this port. name: of the source."""

    def follow(service: str) -> FeedSource:
        return FeedSource([f"tasks.{service}:{port}"], keys, name=name)

    return follow
