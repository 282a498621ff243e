"""Thousands of connections of one thread, for tests of storms."""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator

from patience import seconds

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


@contextlib.contextmanager
def many_files() -> Iterator[int]:
    """As many open files as the hard limit allows, for this process; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Connections, begun all at once; a context manager that resets them, so that no port has to rest afterwards."""

    def __init__(self, address: tuple[str, int], count: int, wave: int = 0) -> None:
        """wave: after so many each, the kernel's queue is given time: what it has no room for comes again a second later."""
        self.socks = []
        for number in range(1, count + 1):
            sock = socket.socket()
            self.socks.append(sock)
            sock.setblocking(False)
            sock.connect_ex(address)
            if wave and number % wave == 0:
                time.sleep(0.2)

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave(self.socks)

    def leave(self, socks: list[socket.socket]) -> None:
        """Some of them go."""
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
        gone = set(socks)
        self.socks = [sock for sock in self.socks if sock not in gone]

    def ask(
        self, request: bytes = GET, patience: float = seconds(20.0), socks: list[socket.socket] | None = None
    ) -> Counter[str]:
        """How often which status came, in answer to one request of each; "closed", "reset", "silent" for none."""
        socks = self.socks if socks is None else socks
        found: Counter[str] = Counter()
        self.answered: list[socket.socket] = []
        end = time.monotonic() + patience
        with selectors.DefaultSelector() as selector:
            for sock in socks:
                selector.register(sock, selectors.EVENT_WRITE)
            while selector.get_map() and (left := end - time.monotonic()) > 0:
                for key, events in selector.select(left):
                    self._go_on(selector, key.fileobj, bool(events & selectors.EVENT_WRITE), request, found)
            found["silent"] += len(selector.get_map())
        return +found

    def _go_on(
        self, selector: selectors.BaseSelector, sock: socket.socket, writable: bool, request: bytes, found: Counter[str]
    ) -> None:
        try:
            if writable:
                sock.send(request)
                selector.modify(sock, selectors.EVENT_READ)
                return
            data = sock.recv(65536)
        except OSError:
            found["reset"] += 1
        else:
            found[data[9:12].decode() if data else "closed"] += 1
            if data:
                self.answered.append(sock)
        selector.unregister(sock)
