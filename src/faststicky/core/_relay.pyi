"""The relay: client and upstream protocols on uvloop's transports, one Exchange for each request. See LIFECYCLE.md."""

import asyncio
from collections.abc import Callable, Iterator

from faststicky.core._table import TableBuilder
from faststicky.model import TableSpec

class RelayBuilder(TableBuilder):
    """Builds the next table of a relay beside its traffic, in steps of some tens of microseconds."""

    def __init__(self, relay: Relay, generation: int) -> None: ...
    def publish(self) -> Iterator[None]:
        """In place of `finish`: the last steps, the swap, and what follows from it. Raises ValueError, and nothing has changed,
        if the table is unsound, another one came into force since the builder was made, or the relay was closed."""
    def abandon(self) -> Iterator[None]:
        """It will not be published: what was made for it goes. To be called after any error."""

class Relay:
    """All of one worker's traffic. Owned by the thread of its event loop."""

    generation: int
    adopted_after: int
    """Requests after which the relay reads a connection itself, without uvloop (relay/reading.pxi); 0: from its first byte."""
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: object,
        on_event: Callable[[dict[str, object]], None] | None = None,
        on_full: Callable[[bool], None] | None = None,
        region: object = None,
        on_access: Callable[[bytes], None] | None = None,
        max_upstream: int = 0,
    ) -> None:
        """options: a settings.RelayOptions. on_event: told, off the hot path and in bounded number, of answers of our own,
        retries and upstream failures; keys: event, and what belongs to it (status, reason, service, backend, client, ...).
        on_full: told True when max_connections clients are there and accepting should stop, False when it may go on.
        region: writable memory of _stats.REGION_SIZE bytes that is counted in. on_access: given access lines ten times
        a second, and whenever there are 256 KiB of them; it must not raise. max_upstream: connections to backends, above which
        an idle one is closed for each that is opened; 0: any number."""
    def builder(self, generation: int) -> RelayBuilder:
        """For a table that comes in pieces and takes over from the one in force what it is not told anew."""
    def publish(self, spec: TableSpec) -> None:
        """Build a table and swap it in, at once; exchanges in flight finish with the one they began with."""
    def client(self) -> asyncio.Protocol:
        """Protocol factory for loop.create_server."""
    def drain(self) -> None:
        """Stop politely: every answer from now on says `Connection: close`, idle connections are closed at once."""
    def close(self) -> None:
        """Abort whatever is left."""
    def live(self) -> dict[str, int]:
        """What is alive: clients, exchanges, upstreams (backends of the table in force and of one being built), upstream_idle,
        upstream_busy, connecting, adopted, parked, tables, past_services (large ones that are not freed yet), deadlines;
        memory_blocks and memory_bytes, allocated in C by the core (in the whole process)."""
    def counters(self) -> dict[str, int]:
        """Totals since the start: connections, requests, bytes_in, bytes_out, answers_2xx and so on."""
