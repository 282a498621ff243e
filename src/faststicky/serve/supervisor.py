"""The supervisor: brings control thread, workers, admin server and log together, from start to the last request."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, NoReturn

import uvloop

import faststicky
from faststicky.address import Address
from faststicky.control.overrides import Drained
from faststicky.core._memory import share_arena
from faststicky.errors import FaststickyError
from faststicky.model import TableSpec
from faststicky.serve.admin_guard import read_token
from faststicky.serve.channel import Events
from faststicky.serve.fleet import Fleet
from faststicky.serve.limits import client_connections, raise_open_files
from faststicky.serve.listeners import Listeners
from faststicky.serve.logs import LogWriter
from faststicky.serve.observer import Observer
from faststicky.serve.process import WorkerProcess
from faststicky.serve.ready_file import ReadyFile
from faststicky.serve.relay_log import RelayLog
from faststicky.serve.status import Status, WorkerStatus
from faststicky.settings import RunOptions

if TYPE_CHECKING:  # loaded while the workers load theirs: until the first request is answered every import counts
    from faststicky.serve.admin import AdminServer
    from faststicky.serve.control_link import ControlLink

log = logging.getLogger(__name__)

FIRST_TABLE = 2.0  # seconds that clients wait for the first table before they are answered 503
FIRST_ANSWER = 1.0  # seconds that the admin server waits so that workers and control thread have the processors
TICK = 1.0  # seconds between two looks at what was suppressed
SIGNAL_TWINS = 0.3  # seconds within which a second signal is the same wish told twice, to a process and to its group


class Supervisor:
    """One run of the proxy."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._started = time.monotonic()
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._stopping_since = 0.0
        self._relay_log = RelayLog()
        self._ready_file = ReadyFile(options.ready_file)
        self._listeners = Listeners(options.listen, options.workers)
        self._addresses = tuple(str(address) for address in self._listeners.addresses)
        self._token = read_token(options.admin_token_file)
        self._observer = Observer(options, self.status, self._drained)
        self._fleet = Fleet(
            self._listeners,
            options.relay,
            options.grace,
            self._observer.regions,
            self._on_events,
            self._observer.on_access,
        )
        self._admin: AdminServer | None = None
        self._control: ControlLink | None = None

    async def run(self) -> None:
        """Until a signal. Raises ConfigError when it cannot begin as asked, FaststickyError when it gives up."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self._ready_file.remove)
            stack.callback(self._listeners.close)
            self._listen_to_signals()
            self._fleet.start()
            stack.push_async_callback(self._fleet.stop, 0.0)  # if it fails to begin; otherwise they are gone by then
            self._control = await self._make_control()
            self._greet()
            self._observer.start()
            stack.callback(self._observer.finish)
            self._control.start()
            stack.push_async_callback(self._control.stop)
            if self._options.admin is not None:
                await self._first_things_first()
                self._admin = await self._make_admin(self._options.admin)
                stack.push_async_callback(self._admin.stop)
            async with asyncio.TaskGroup() as group:  # a bug in one of them ends the process rather than go unseen
                tasks = [group.create_task(job()) for job in self._jobs()]
                await self._until_stopped()
                for task in tasks:
                    task.cancel()
            await self._drain()
            self._observer.feed.close()
            if self._fleet.hopeless.is_set():
                raise FaststickyError(
                    "workers die as they start", where="faststicky run", remedy="their last words are above"
                )

    async def _make_control(self) -> ControlLink:
        """Raises ConfigError."""
        await asyncio.to_thread(importlib.import_module, "faststicky.serve.control_link")
        from faststicky.serve.control_link import ControlLink

        control = ControlLink(self._options, on_table=self._publish)
        await control.open()
        return control

    async def _first_things_first(self) -> None:
        """Until the first clients are answered, or that takes long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FIRST_ANSWER):
                while not self._fleet.in_force and not self._stop.is_set():
                    self._fleet.changed.clear()
                    await self._fleet.changed.wait()

    async def _make_admin(self, address: Address) -> AdminServer:
        """Raises ConfigError."""
        await asyncio.to_thread(importlib.import_module, "faststicky.serve.admin")
        from faststicky.serve.admin import AdminServer, application
        from faststicky.serve.api import Api

        api = Api(
            self.status,
            self._observer,
            refresh=self._fleet.refresh,
            drain=self._drain_backends,
            token=self._token,
            ready_max_age=self._options.ready_max_age,
        )
        admin = AdminServer(address, application(api, self._options.admin_hosts))
        await admin.start()
        return admin

    def status(self) -> Status:
        """What the admin server shows."""
        control = self._control.status if self._control else None
        return Status(
            version=faststicky.__version__,
            uptime=time.monotonic() - self._started,
            listen=self._addresses,
            ready=self._fleet.in_force and not self._stop.is_set(),
            generation=control.generation if control else 0,
            age=control.age if control else None,
            error=control.error if control else "",
            snapshot=control.snapshot if control else None,
            workers=tuple(_worker_status(worker) for worker in self._fleet.workers),
            restarts=self._fleet.restarts,
            past_counters=dict(self._fleet.past),
        )

    def _jobs(self) -> tuple[Callable[[], Coroutine[None, None, None]], ...]:
        observer = self._observer
        return self._be_patient, self._announce, self._tick, observer.pulse, observer.reports, observer.tidying

    def _publish(self, table: TableSpec) -> None:
        self._fleet.publish(self._observer.numbered(table))

    def _drained(self) -> dict[str, Drained]:
        return self._control.overrides.drained if self._control else {}

    async def _drain_backends(self, backends: dict[str, str], undo: bool) -> None:
        assert self._control is not None
        await self._control.drain(backends, undo=undo)

    async def _until_stopped(self) -> None:
        """A signal, or no hope."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._stop, self._fleet.hopeless)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _drain(self) -> None:
        log.info("stopping", extra={"grace": self._options.grace})
        self._ready_file.remove()
        stopping = asyncio.ensure_future(self._fleet.stop(self._options.grace))
        hurry = asyncio.ensure_future(self._hurry.wait())
        await asyncio.wait((stopping, hurry), return_when=asyncio.FIRST_COMPLETED)
        if hurry.done():
            log.warning("stopping at once; requests under way are cut, a single signal lets them finish within --grace")
            self._fleet.hurry(0)
        hurry.cancel()
        await stopping
        log.info("stopped")

    async def _be_patient(self) -> None:
        await asyncio.sleep(FIRST_TABLE)
        if not self._fleet.has_publication:
            log.warning("no table yet, requests are answered with 503; the lines before say what the source lacks")
            self._fleet.publish(None)

    async def _announce(self) -> None:
        while not self._fleet.accepting:
            self._fleet.changed.clear()
            await self._fleet.changed.wait()
        admin = str(self._admin.address) if self._admin else ""
        self._ready_file.write(self._addresses, admin, self._feed_address())
        log.info("ready", extra={"listen": " ".join(self._addresses), "workers": self._options.workers})

    def _feed_address(self) -> str:
        return str(self._control.feed.address) if self._control is not None and self._control.feed is not None else ""

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._relay_log.tell_suppressed()

    def _greet(self) -> None:
        admin = str(self._options.admin) if self._options.admin else "off"
        source = self._control.status.source if self._control else ""
        log.info(
            "starting",
            extra={
                "version": faststicky.__version__,
                "listen": " ".join(self._addresses),
                "admin": admin,
                "workers": self._options.workers,
                "source": source,
                "state_dir": self._options.state_dir,
                "open_files": raise_open_files(),
            },
        )
        for note in self._options.notes:
            log.warning(
                note, extra={"remedy": "leave it out when Traefik no longer needs it, or do what it asks for elsewhere"}
            )
        wanted = self._options.relay.max_connections
        possible = client_connections(wanted)
        if possible < wanted:
            log.warning(
                "--max-connections %d: open files allow %d",
                wanted,
                possible,
                extra={"remedy": "raise the limit of open files: ulimit -n, or Docker's --ulimit nofile="},
            )

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload_signal)
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            loop.add_signal_handler(number, self._observer.reopen)

    def _on_stop_signal(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._stop.is_set():
            self._stopping_since = now
        elif now - self._stopping_since > SIGNAL_TWINS:
            self._hurry.set()
        self._stop.set()

    def _on_reload_signal(self) -> None:
        log.info("looking at the source of backends now")
        if self._control is not None:
            self._control.reload()

    def _on_events(self, worker: WorkerProcess, events: Events) -> None:
        for event in events.events:
            self._relay_log.write(worker.index, event)
        self._relay_log.lost(worker.index, events.dropped)


def _worker_status(worker: WorkerProcess) -> WorkerStatus:
    return WorkerStatus(
        index=worker.index,
        pid=worker.pid,
        uptime=time.monotonic() - worker.started,
        ready=worker.ready,
        generation=worker.generation,
        counters=worker.stats.counters if worker.stats else {},
        live=worker.stats.live if worker.stats else {},
    )


async def _run(options: RunOptions) -> None:
    await Supervisor(options).run()


def serve(options: RunOptions) -> NoReturn:
    """The whole life of `faststicky run`, to the end of the process. Raises ConfigError when it cannot begin as asked."""
    share_arena()
    with LogWriter(options.log_level, options.log_format):
        uvloop.run(_run(options))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # to take the interpreter apart first would keep the port's next owner waiting for another 0.1 s
