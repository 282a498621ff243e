"""An admin server without workers: everything real but for the status, which a test sets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from aiohttp.test_utils import TestClient, TestServer

from faststicky.control.overrides import Drained
from faststicky.model import Snapshot, Warning
from faststicky.serve.admin import application
from faststicky.serve.api import Api
from faststicky.serve.observer import Observer
from faststicky.serve.status import Status, WorkerStatus
from faststicky.settings import RunOptions
from unit.control.worlds import backend, service, snapshot

WORLD = snapshot(
    service(
        backend("t1", slot="s/1", node="node1"),
        backend("t2", name="web.2@node2", state="draining", reason="stopping"),
        name="web",
    ),
    service(backend("t3", name="api.1@node1", state="down"), name="api", sticky=False),
    warnings=(Warning(service="web", label="x", value="y", text="do z"),),
)
STATUS = Status(
    version="1.0",
    uptime=1.0,
    listen=("127.0.0.1:80",),
    ready=True,
    generation=1,
    age=0.0,
    error="",
    snapshot=WORLD,
    workers=(
        WorkerStatus(index=0, pid=2**22 + 1, uptime=1.0, ready=True, generation=1, counters={}, live={"clients": 3}),
    ),
    restarts=0,
    past_counters={},
)


class Admin:
    """`drained` is what was asked for; `fails` makes keeping it fail."""

    def __init__(self, status: Status = STATUS, token: str = "", ready_max_age: float = 0.0) -> None:
        self.status = status
        self.drained: dict[str, Drained] = {}
        self.fails = False
        self.observer = Observer(RunOptions(state_dir="", stats_interval=0), lambda: self.status, lambda: self.drained)
        self.api = Api(
            lambda: self.status,
            self.observer,
            refresh=self._refresh,
            drain=self._drain,
            token=token,
            ready_max_age=ready_max_age,
        )
        self.refreshed = 0

    def set(self, **changes: Any) -> None:
        self.status = msgspec.structs.replace(self.status, **changes)

    def serve(self, world: Snapshot) -> None:
        self.set(snapshot=world, generation=self.status.generation + 1)

    async def _refresh(self) -> None:
        self.refreshed += 1

    async def _drain(self, backends: dict[str, str], undo: bool) -> None:
        for ident, name in backends.items():
            if undo:
                self.drained.pop(ident, None)
            else:
                self.drained[ident] = Drained(name=name, since=time.time())
        if self.fails:
            raise OSError("disk full")


@contextlib.asynccontextmanager
async def running(**options: Any) -> AsyncIterator[tuple[Admin, TestClient]]:  # type: ignore[type-arg]
    admin = Admin(**options)
    admin.observer.start()
    try:
        async with TestClient(TestServer(application(admin.api, ["proxy.example"]))) as client:
            yield admin, client
            admin.observer.feed.close()
    finally:
        admin.observer.finish()


def with_admin(act: Callable[[Admin, Any], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with asyncio.timeout(60), running(**options) as (admin, client):
            await act(admin, client)

    asyncio.run(run())
