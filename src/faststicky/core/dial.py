"""Opening a connection to a backend: once for many requests, so plain Python."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import socket
from collections.abc import Callable
from typing import TypeVar

# What this machine lacks: descriptors, ports, memory. No backend can do anything about it
_OWN = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def dial(
    loop: asyncio.AbstractEventLoop, factory: Callable[[], P], host: str, port: int, timeout: float, silence: float
) -> P:
    """Connect within `timeout` seconds and return the protocol. Raises OSError, of which TimeoutError is a kind; UnicodeError
    for what cannot be a host's name.

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

    end = loop.time() + timeout
    async with asyncio.timeout(timeout):
        family, address = await _resolve(loop, host, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if silence:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, min(int(silence * 1000), 2**31 - 1))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        try:
            async with asyncio.timeout_at(end):
                await _connect(loop, sock, address)
        except TimeoutError:
            if not _is_connected(sock):  # it may be: when thousands connect at once, it is this loop that is late
                raise
        await loop.create_connection(make, sock=sock)
    except BaseException:
        # Cancelled in the turn in which it was connected: uvloop closes it and does not tell
        for protocol in made:
            protocol.connection_lost(None)
        sock.close()
        raise
    return made[0]


async def _connect(loop: asyncio.AbstractEventLoop, sock: socket.socket, address: tuple[str, int]) -> None:
    """As loop.sock_connect, but begun at once, so that the time-out is the backend's and not that of a loop with much to do."""
    error = sock.connect_ex(address)
    if error == errno.EINPROGRESS:
        writable = asyncio.Event()
        loop.add_writer(sock, writable.set)
        try:
            await writable.wait()
        finally:
            loop.remove_writer(sock)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))


def _is_connected(sock: socket.socket) -> bool:
    """Raises OSError if connecting has failed."""
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


async def _resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> tuple[int, tuple[str, int]]:
    """Family and address; only a static backend may have a name to look up."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        family, _, _, _, found = (await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))[0]
        return family, found[:2]  # type: ignore[return-value]
    return socket.AF_INET6 if literal.version == 6 else socket.AF_INET, (host, port)


def reason(error: Exception) -> str:
    """A short word for the log: why a backend could not be reached."""
    if isinstance(error, TimeoutError):
        return "connect-timeout"
    if isinstance(error, ConnectionRefusedError):
        return "connect-refused"
    return f"connect-failed: {getattr(error, 'strerror', None) or error}"


def is_own(error: Exception) -> bool:
    """True if it is this machine that cannot connect, to whatever backend."""
    return isinstance(error, OSError) and error.errno in _OWN


def is_silence(error: BaseException | None) -> bool:
    """True if a connection was lost because the other machine says nothing any more."""
    return isinstance(error, TimeoutError)
