"""Backends from another faststicky that has access to the Swarm (`--feed`): proxies on workers need no Docker socket.

A thread asks one of the proxies that the given names stand for, again and again; each question is answered when
something changes. When that one fails the next is asked, in random order, so that followers spread; what was last
received stays, whatever fails.
"""

from __future__ import annotations

import ipaddress
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from faststicky.discovery import dns_names, feed_wire
from faststicky.discovery.dns_names import Name
from faststicky.discovery.feed_peer import Peer, PeerError
from faststicky.discovery.feed_wire import FeedKey
from faststicky.errors import ConfigError, DiscoveryError
from faststicky.labels.values import shown
from faststicky.model import Snapshot

FIRST_ANSWER = 2.0  # seconds that the first table waits for
FIRST_PAUSE, LAST_PAUSE = 0.1, 2.0  # seconds after a round without success, doubled each time
LOST = 10.0  # seconds without a word after which it is an error

_REMEDY = "see that a faststicky with --feed-listen runs there, and that both are on one network"


class FeedSource:
    """Follows one of several."""

    interval = 1.0

    def __init__(
        self,
        peers: Sequence[str],
        keys: Sequence[FeedKey],
        *,
        name: str = "",
        resolve: dns_names.Resolve = dns_names.resolve,
    ) -> None:
        """peers: "tasks.proxy:7070", "10.0.0.5:7070", also as URLs. keys: the current one first.

        name: of the source; made from the peers if not given. Raises ConfigError.
        """
        self._peers = tuple(dict.fromkeys(parse(text) for text in peers))
        self._keys = tuple(keys)
        self._resolve = resolve
        self.name = name or "feed " + " ".join(map(str, self._peers))
        self._wake: Callable[[], None] = lambda: None
        self._guard = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._digest = ""
        self._heard_at = 0.0
        self._problem = "no answer yet"
        self._answered = threading.Event()
        self._stopped = threading.Event()
        self._peer: Peer | None = None
        self._failed = ""  # the peer that was followed last
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def discover(self) -> Snapshot:
        """What was last received; the same object while it does not change. Raises DiscoveryError."""
        if self._thread.ident is None:
            self._thread.start()
            self._answered.wait(FIRST_ANSWER)
        with self._guard:
            if self._snapshot is None:
                raise DiscoveryError(self._problem, where=self.name, remedy=_REMEDY)
            if time.monotonic() - self._heard_at > LOST:
                raise DiscoveryError(f"nobody answers any more: {self._problem}", where=self.name, remedy=_REMEDY)
            return self._snapshot

    def watch(self, wake: Callable[[], None]) -> None:
        """Every change that is received."""
        self._wake = wake

    def close(self) -> None:
        """Hang up."""
        self._stopped.set()
        with self._guard:
            peer = self._peer
        if peer is not None:
            peer.close()
        if self._thread.ident is not None:
            self._thread.join(1.5)

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            problems: dict[str, None] = {}
            if any(self._follow(host, port, problems) for host, port in self._candidates(problems)):
                pause = FIRST_PAUSE
                continue
            with self._guard:
                self._problem = ", ".join(list(problems)[:3]) or "there is nobody to follow"
            self._answered.set()
            self._stopped.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(pause * 2, LAST_PAUSE)

    def _candidates(self, problems: dict[str, None]) -> Iterator[tuple[str, int]]:
        """Addresses in random order; the one that was lost last comes last."""
        places: dict[tuple[str, int], None] = {}
        for peer in self._peers:
            try:
                places.update(dict.fromkeys((host, peer.port) for host in self._addresses(peer.host)))
            except OSError as error:
                problems[f"{peer}: {error.strerror or error}"] = None
        order = list(places)
        random.shuffle(order)
        yield from sorted(order, key=lambda place: place[0] == self._failed)

    def _addresses(self, host: str) -> Sequence[str]:
        """As with --dns, a name without a dot is that of a service, and its tasks are meant. Raises OSError."""
        if "." not in host and ":" not in host and host != "localhost":
            try:
                return self._resolve(f"tasks.{host}")
            except OSError:
                pass
        return self._resolve(host)

    def _follow(self, host: str, port: int, problems: dict[str, None]) -> bool:
        """Ask it until it fails. True if it answered at all."""
        peer = Peer(host, port, self._keys)
        answered = False
        with self._guard:
            self._peer = peer
        try:
            while not self._stopped.is_set():
                body = peer.ask(self._digest)
                if body is not None:
                    self._take(body)
                with self._guard:
                    self._heard_at = time.monotonic()
                self._answered.set()
                answered = True
                if body is not None:
                    self._wake()
        except (PeerError, ValueError) as error:
            problems[f"{peer.place}: {error}"] = None
            with self._guard:
                self._problem = f"{peer.place}: {error}"
            self._failed = host
        finally:
            peer.close()
        return answered

    def _take(self, body: bytes) -> None:
        """Raises ValueError if it is not understood."""
        snapshot = msgspec.structs.replace(feed_wire.decode(body), source=self.name)
        with self._guard:
            self._snapshot = snapshot
        self._digest = feed_wire.digest(body)


def parse(text: str) -> Name:
    """From "tasks.proxy:7070", "10.0.0.5:7070", "[fd00::1]:7070", or a URL of one of these. Raises ConfigError."""
    place = text.strip().removeprefix("http://").removesuffix("/")
    host, _, port = place.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    try:
        address = str(ipaddress.ip_address(bare))
    except ValueError:
        return dns_names.parse(place, "--feed")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        remedy = "write HOST:PORT, for example tasks.proxy:7070"
        raise ConfigError(f"{shown(text)} is not an address with a port", where="--feed", remedy=remedy)
    return Name(address, int(port))
