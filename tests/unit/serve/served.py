"""The admin server of `watched.py` on a real port, beside a test that blocks."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from faststicky.address import Address
from faststicky.serve.admin import AdminServer, application
from unit.serve.watched import Admin


@contextlib.contextmanager
def served(**options: Any) -> Iterator[tuple[Admin, str]]:
    """The server and its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    async def start() -> tuple[Admin, AdminServer]:
        admin = Admin(**options)
        admin.observer.start()
        server = AdminServer(Address("127.0.0.1", 0), application(admin.api))
        await server.start()
        return admin, server

    async def stop() -> None:
        admin.observer.feed.close()
        await server.stop()
        admin.observer.finish()

    admin, server = do(start())
    try:
        yield admin, f"http://{server.address}"
    finally:
        do(stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
