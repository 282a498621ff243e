"""A client's socket without any manners: what is sent, read or left unread is up to the caller."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable

RESET = struct.pack("ii", 1, 0)


def abort(writer: asyncio.StreamWriter) -> None:
    """End a connection with a RST."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


class Raw:
    """An async context manager: a connection, closed at the end. OSError: the other side has ended it."""

    def __init__(self, address: tuple[str, int], receive_buffer: int = 0) -> None:
        self._address = address
        self._sock = socket.socket()
        self._sock.setblocking(False)
        if receive_buffer:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.received = b""  # the last bytes: enough to tell what they are

    async def __aenter__(self) -> Raw:
        try:
            await asyncio.get_running_loop().sock_connect(self._sock, self._address)
        except BaseException:
            self._sock.close()
            raise
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sock.close()

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def send_slowly(self, pieces: Iterable[bytes], pause: float) -> None:
        for piece in pieces:
            await self.send(piece)
            await asyncio.sleep(pause)

    async def receive(self, size: int = 65536) -> bytes:
        """b"" at the end."""
        data = await asyncio.get_running_loop().sock_recv(self._sock, size)
        self.received = (self.received + data)[-(1 << 17) :]
        return data

    async def rest(self, seconds: float) -> bytes:
        """What comes until the end, a reset, or nothing more comes for so long; at most some megabytes."""
        first = b""
        with contextlib.suppress(OSError, TimeoutError):
            for _ in range(2000):
                async with asyncio.timeout(seconds):
                    data = await self.receive()
                if not data:
                    break
                if len(first) < 4096:
                    first += data
        return first

    def finish(self) -> None:
        """Close the sending side."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """The connection ends with a RST when it is closed, which is next."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
