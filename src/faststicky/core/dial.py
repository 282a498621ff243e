"""Opening a connection to a backend: once for many requests, so plain Python."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import TypeVar

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def dial(
    loop: asyncio.AbstractEventLoop, factory: Callable[[], P], host: str, port: int, timeout: float, silence: float
) -> P:
    """Connect within `timeout` seconds and return the protocol. Raises OSError, of which TimeoutError is a kind.

    The connection fails with ETIMEDOUT when the other machine has not acknowledged anything for about `silence` seconds
    (rounded up to two probes of a second each while nothing is sent): a node that was switched off or cut off says nothing,
    and an overlay network does not say it for it. An application that is merely slow is not affected, since its kernel
    answers, until it leaves so much unread that its window is closed: whoever writes that much (Connection.send) has to
    raise TCP_USER_TIMEOUT.
    """
    made: list[P] = []

    def make() -> P:
        made.append(factory())
        return made[0]

    async with asyncio.timeout(timeout):
        family, address = await _resolve(loop, host, port)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if silence:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(silence * 1000))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            await loop.sock_connect(sock, address)
            await loop.create_connection(make, sock=sock)
        except BaseException:
            # Cancelled (by the time-out, too) in the turn in which it was connected: uvloop closes it and does not tell
            for protocol in made:
                protocol.connection_lost(None)
            sock.close()
            raise
    return made[0]


async def _resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> tuple[int, tuple[str, int]]:
    """Family and address; only a static backend may have a name to look up."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        family, _, _, _, found = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        return family, found[:2]  # type: ignore[return-value]
    return socket.AF_INET6 if literal.version == 6 else socket.AF_INET, (host, port)


def reason(error: OSError) -> str:
    """A short word for the log: why a backend could not be reached."""
    if isinstance(error, TimeoutError):
        return "connect-timeout"
    if isinstance(error, ConnectionRefusedError):
        return "connect-refused"
    return f"connect-failed: {error.strerror or error}"


def is_silence(error: BaseException | None) -> bool:
    """True if a connection was lost because the other machine says nothing any more."""
    return isinstance(error, TimeoutError)
