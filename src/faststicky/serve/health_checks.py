"""Asks the backends whether they are well, on the supervisor's event loop; control/health.py makes of it who is up.

A task for each target, which asks, waits and asks again; a semaphore bounds how many ask at once. A new target is asked
at once, its second check comes at a random moment of the interval, so that many that begin together do not stay in
step. A table that changes disturbs no target that is in it before and after.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterable

import aiohttp
from yarl import URL

from faststicky import __version__
from faststicky.control.health import Key, Target

AT_ONCE = 64  # checks under way
AWAITED = 1.0  # seconds at most between two checks of a backend that waits for its first success
_HEADERS = {"User-Agent": f"faststicky/{__version__} (health check)", "Accept": "*/*"}


class HealthChecks:
    """All checks of a proxy. `start`, `follow` and `stop` are called on the event loop."""

    def __init__(self, record: Callable[[Target, str], bool]) -> None:
        """record: told every result; see control.health.Health.record."""
        self._record = record
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None
        self._tasks: dict[Key, tuple[Target, asyncio.Task[None]]] = {}

    def follow(self, targets: Iterable[Target]) -> None:
        """Ask these from now on, and no others."""
        wanted = {target.key: target for target in targets}
        for key, (target, task) in list(self._tasks.items()):
            if wanted.get(key) != target:
                task.cancel()
                del self._tasks[key]
        for key, target in wanted.items():
            if key not in self._tasks:
                self._tasks[key] = target, asyncio.ensure_future(self._watch(target))

    async def stop(self) -> None:
        """Ask nobody any more."""
        tasks = [task for _, task in self._tasks.values()]
        self.follow(())
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _watch(self, target: Target) -> None:
        interval = target.check.interval
        first = True
        while True:
            async with self._slots:
                problem = await self._ask(target)
            if self._record(target, problem):
                pause = min(interval, AWAITED) * random.uniform(0.9, 1.1)  # noqa: S311
            else:
                pause = interval * (random.uniform(0.1, 1.0) if first else random.uniform(0.9, 1.1))  # noqa: S311
                first = False
            await asyncio.sleep(pause)

    async def _ask(self, target: Target) -> str:
        """What is wrong, "" if nothing is."""
        check = target.check
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers=_HEADERS,
            )
        authority = f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"
        url = URL(f"http://{authority}{check.path}", encoded=True)
        headers = {"Host": check.host} if check.host else {}
        try:
            async with asyncio.timeout(check.timeout):
                response = await self._session.get(url, headers=headers, allow_redirects=False)
            response.close()  # with its connection: the body is not wanted
        except TimeoutError:
            return f"no answer within {check.timeout:g} s"
        except aiohttp.ClientConnectorError as error:
            number = error.os_error.errno or 0  # of a name that is not known it is negative
            return os.strerror(number) if number > 0 else error.os_error.strerror or "no connection"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"no usable answer ({type(error).__name__})"
        if any(low <= response.status <= high for low, high in check.status):
            return ""
        return str(response.status)
