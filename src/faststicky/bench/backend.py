"""The built-in backend: `python -m faststicky.bench.backend NAME`, and as a task of any loop.

Every path answers "I'm NAME" and a field X-Backend; /64, /1k, /100k or /10m answer with so many bytes. Request bodies
are read and dropped. An upgrade to WebSocket makes it an echo. Its first line on standard output is its port on
127.0.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys

import uvloop

from faststicky.bench.generator import raise_file_limit
from faststicky.core._load import Answer, Site
from faststicky.quantities import parse_size

_SIZE = re.compile(rb"/([0-9]{1,9}[kKmM]?)")
MOST = 64 << 20  # bytes of an answer
BACKLOG = 4096


def site(name: str) -> Site:
    """name: what it calls itself."""

    def find(path: bytes) -> Answer:
        size = _SIZE.fullmatch(path.partition(b"?")[0])
        body = f"I'm {name}\n".encode()
        if size is not None:
            body = bytes(min(parse_size(size[1].decode()), MOST))
        return Answer(200, [(b"Content-Type", b"text/plain"), (b"X-Backend", name.encode())], body)

    return Site(find)


def listener(port: int, *, everywhere: bool) -> socket.socket:
    """On 127.0.0.1, or on every address of the loopback device: as many backends as one likes."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if everywhere:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    sock.bind(("" if everywhere else "127.0.0.1", port))
    return sock


async def serve(name: str, port: int = 0, *, everywhere: bool = False) -> None:
    """On loopback, until SIGTERM or the end of standard input."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orphaned = asyncio.ensure_future(reader.read())
    orphaned.add_done_callback(lambda _: stop.set())
    here = site(name)
    sock = listener(port, everywhere=everywhere)
    server = await loop.create_server(here.connection, sock=sock, backlog=BACKLOG)
    sys.stdout.write(f"{sock.getsockname()[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    orphaned.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await orphaned
    transport.close()
    server.close()
    here.close()
    await asyncio.sleep(0)


def main() -> int:
    """Arguments: NAME [PORT [all]]."""
    raise_file_limit()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    uvloop.run(serve(sys.argv[1], port, everywhere=sys.argv[3:] == ["all"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
