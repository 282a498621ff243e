"""A table as a worker receives it: built piece by piece beside the traffic, then swapped in.

The traffic goes first: after SLICE seconds of decoding and building the loop is left alone for PAUSE seconds. So requests wait for
a slice at most, and a table of any size takes no more than a sixth of a worker's time while it comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from faststicky.core import Relay, RelayBuilder
from faststicky.serve.channel import (
    Acknowledged,
    BackendsPiece,
    BeginTable,
    EndTable,
    NamesPiece,
    Rejected,
    RoutesPiece,
    ServicePiece,
    TablePiece,
)

SLICE = 0.0002  # seconds
PAUSE = 0.001


class Assembly:
    """The tables of one relay, one after the other."""

    def __init__(self, relay: Relay) -> None:
        self.hurried = True  # nobody is served yet, or soon nobody will be: no pauses, but others have their turn
        self._relay = relay
        self._generation = 0
        self._builder: RelayBuilder | None = None
        self._error = ""
        self._slice_began = time.perf_counter()

    async def take(self, piece: TablePiece) -> Acknowledged | Rejected | None:
        """The next piece; at a table's end whether it is in force. If it is not, the one before it stays."""
        if isinstance(piece, BeginTable):
            await self._give_up()  # one that never came to its end
            self._begin(piece)
        if self._builder is not None:
            try:
                await self._drive(steps(self._builder, piece))
            except Exception as error:  # whatever is wrong with this table
                self._error = f"{type(error).__name__}: {error}"
                await self._give_up()
        await self._turn()  # decoding the next one counts, too
        if not isinstance(piece, EndTable):
            return None
        self._builder = None
        if self._error:
            return Rejected(generation=self._generation, error=self._error)
        return Acknowledged(generation=self._generation)

    def _begin(self, piece: BeginTable) -> None:
        self._generation, self._error = piece.generation, ""
        if piece.base is None or piece.base == self._relay.generation:
            self._builder = self._relay.builder(piece.generation)
        else:
            self._error = f"ValueError: it builds upon generation {piece.base}, not {self._relay.generation}"

    async def _give_up(self) -> None:
        builder, self._builder = self._builder, None
        if builder is not None:
            await self._drive(builder.abandon())

    async def _drive(self, steps: Iterable[None]) -> None:
        for _ in steps:
            await self._turn()

    async def _turn(self) -> None:
        if time.perf_counter() - self._slice_began >= SLICE:
            await asyncio.sleep(0 if self.hurried else PAUSE)
            self._slice_began = time.perf_counter()


def steps(builder: RelayBuilder, piece: TablePiece) -> Iterable[None]:
    """What a piece means for the builder, in short steps."""
    match piece:
        case ServicePiece(service=service, backends=backends, values=values):
            return builder.service(service, backends, values)
        case BackendsPiece(segments=segments):
            return builder.backends(segments)
        case NamesPiece(names=names):
            builder.names(list(names))
        case RoutesPiece(routes=routes):
            builder.routes(list(routes))
        case EndTable():
            return builder.publish()
    return ()
