"""The supervisor's end of one worker process: started by exec, spoken to through the channel, watched to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
import time
from collections.abc import Callable, Sequence

from faststicky.serve.channel import (
    Access,
    Acknowledged,
    Channel,
    Drain,
    Events,
    GetStats,
    Hello,
    Leaving,
    Ready,
    Rejected,
    Stats,
)
from faststicky.serve.publication import Publication
from faststicky.settings import RelayOptions

log = logging.getLogger(__name__)


class WorkerProcess:
    """One process. `generation` is the table in force in it, None before its first."""

    def __init__(self, index: int, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self.index = index
        self.pid = process.pid
        self.started = time.monotonic()
        self.unanswered = 0  # requests for stats since it last said anything
        self.answered = asyncio.Event()  # its last request for stats is answered
        self.ready = False
        self.generation: int | None = None
        self.stats: Stats | None = None
        self.on_change: Callable[[], None] = lambda: None
        self.on_events: Callable[[WorkerProcess, Events], None] = lambda _process, _events: None
        self.on_access: Callable[[Access], None] = lambda _access: None
        self.on_leaving: Callable[[WorkerProcess], None] = lambda _process: None
        self._process = process
        self._channel = channel
        self._in_force: Publication | None = None  # that it acknowledged: the next one is sent as what differs from it
        self._sent: Publication | None = None  # on its way and not yet answered
        self._next: Publication | None = None  # the newest that came up meanwhile; those between are skipped

    @classmethod
    async def start(
        cls, index: int, listeners: Sequence[socket.socket], region: int, relay: RelayOptions, grace: float
    ) -> WorkerProcess:
        """region: descriptor of the memory that it counts in. Raises OSError when no process can be started.

        Exec and not fork: this process has threads. `-P` keeps the working directory out of the worker's import path.
        """
        ours, theirs = socket.socketpair()
        fds = [sock.fileno() for sock in listeners]
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-P",
                    "-m",
                    "faststicky.serve.worker",
                    str(theirs.fileno()),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(), region, *fds),
                )
        except BaseException:
            ours.close()
            raise
        worker = cls(index, process, await Channel.open(ours))
        worker._channel.send(Hello(index=index, listeners=tuple(fds), region=region, relay=relay, grace=grace))
        return worker

    def publish(self, publication: Publication) -> None:
        """Send the table; if the one before is still on its way, keep only the newest."""
        if self._sent is not None:
            self._next = publication
            return
        self._sent = publication
        for frame in publication.frames(self._in_force):
            self._channel.write(frame)

    def ask_stats(self) -> None:
        """`stats` is new when the answer arrives."""
        self.unanswered += 1
        self.answered.clear()
        self._channel.send(GetStats())

    def drain(self, grace: float, accept: float = 0.0) -> None:
        """Accept nothing more after `accept` seconds and be gone within `grace`; a second call can only shorten that."""
        self._channel.send(Drain(grace=grace, accept=accept))

    def kill(self) -> None:
        """At once (SIGKILL)."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def watch(self) -> int:
        """Handle what it says until it is gone; its exit code, negative for a signal."""
        try:
            while (message := await self._channel.receive()) is not None:
                self.unanswered = 0
                self._handle(message)
        except ValueError as error:
            log.error(
                "worker speaks nonsense and is replaced; report this",
                extra={"worker": self.index, "pid": self.pid, "error": str(error)},
            )
            self.kill()
        finally:
            await self._channel.close()
        return await self._process.wait()

    def _handle(self, message: object) -> None:
        match message:
            case Ready():
                self.ready = True
            case Acknowledged(generation=generation):
                self.generation = generation
                self._answered(self._sent)
            case Rejected(generation=generation, error=error):
                log.error(
                    "worker refused the table and goes on with the one before; report this",
                    extra={"worker": self.index, "pid": self.pid, "generation": generation, "error": error},
                )
                self._answered(None)
            case Stats():
                self.stats = message
                self.answered.set()
            case Events():
                self.on_events(self, message)
            case Access():
                self.on_access(message)
                return
            case Leaving():
                self.on_leaving(self)
            case _:
                raise ValueError(f"{type(message).__name__} is not for the supervisor")
        self.on_change()

    def _answered(self, in_force: Publication | None) -> None:
        """in_force: None if it had better get all of the next one."""
        self._in_force, self._sent = in_force, None
        if self._next is not None:
            publication, self._next = self._next, None
            self.publish(publication)
