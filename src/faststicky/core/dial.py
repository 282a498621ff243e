"""Opening a connection to a backend: once for many requests, so plain Python."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def dial(loop: asyncio.AbstractEventLoop, factory: Callable[[], P], host: str, port: int, timeout: float) -> P:
    """Connect within `timeout` seconds and return the protocol. Raises OSError, of which TimeoutError is a kind."""
    async with asyncio.timeout(timeout):
        _, protocol = await loop.create_connection(factory, host, port)
    return protocol


def reason(error: OSError) -> str:
    """A short word for the log: why a backend could not be reached."""
    if isinstance(error, TimeoutError):
        return "connect-timeout"
    if isinstance(error, ConnectionRefusedError):
        return "connect-refused"
    return f"connect-failed: {error.strerror or error}"
