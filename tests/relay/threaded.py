"""A backend that answers by itself, a thread for each connection, reading as leniently as some applications do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable

from relay.lab import Backend, ok
from relay.peer import Peer

_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:.*chunked", re.IGNORECASE | re.MULTILINE)


def echo(target: bytes, body: bytes) -> bytes:
    """The answer says which request it is for."""
    return ok(target + b" " + body)


class Threaded:
    """Serves a Backend; `targets` are those of all requests that it has seen, complete or not."""

    def __init__(self, backend: Backend, answer: Callable[[bytes, bytes], bytes | None] = echo) -> None:
        self.backend = backend
        self.targets: list[bytes] = []
        self._answer = answer
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self._stopped = False

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.backend.listener.accept()
            except OSError:
                return
            peer = Peer(sock)
            thread = threading.Thread(target=self._serve, args=(peer,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        """An answer of None means: close without one."""
        try:
            while True:
                head = peer.until(b"\r\n\r\n")
                target = head.split(b" ")[1]
                self.targets.append(target)
                answer = self._answer(target, self._body(peer, head))
                if answer is None:
                    break
                peer.send(answer)
        except (AssertionError, OSError, ValueError):
            pass  # the connection has ended, as it may
        finally:
            peer.close()

    def _body(self, peer: Peer, head: bytes) -> bytes:
        if _CHUNKED.search(head):
            body = b""
            while size := int(peer.until(b"\r\n"), 16):
                body += peer.exactly(size)
                peer.exactly(2)
            peer.until(b"\r\n")
            return body
        length = _LENGTH.search(head)
        return peer.exactly(int(length[1])) if length else b""

    def stop(self) -> None:
        """After the proxy has let go of its connections."""
        self.backend.listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
