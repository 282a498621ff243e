"""One faststicky that is followed: a connection to it, and questions. What is said is in feed_wire.py."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from faststicky.discovery import feed_wire
from faststicky.discovery.feed_wire import FeedKey

CONNECT = 1.0  # seconds
SILENCE = 3.0  # seconds beyond feed_wire.WAIT after which a peer is given up
WHOLE = 30.0  # seconds for a whole answer

_OTHER_KEY = "it has another key; give both the same secret faststicky_key or the same --key-file"


class PeerError(Exception):
    """The peer did not answer, or not well. The text is for people."""


class _Answer(NamedTuple):
    status: int
    challenge: str
    mac: str
    body: bytes


class Peer:
    """Used by one thread; only `close` may come from another one."""

    def __init__(self, host: str, port: int, keys: Sequence[FeedKey]) -> None:
        """host: an IP address. keys: one at least; the current one first."""
        self.place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._keys = list(keys)
        self._challenge = ""
        self._connection = http.client.HTTPConnection(host, port, timeout=CONNECT)
        self._connection.auto_open = 0  # not again by itself, behind the back of close
        self._guard = threading.Lock()
        self._asking = False
        self._closed = False

    def ask(self, after: str) -> bytes | None:
        """A body that differs from the one with the digest `after`; None if nothing new came for a while.

        Raises PeerError, also when it is closed meanwhile.
        """
        with self._guard:
            if self._closed:
                raise PeerError("closed")
            self._asking = True
        try:
            return self._ask(after)
        finally:
            with self._guard:
                self._asking = False
                if self._closed:
                    self._connection.close()

    def close(self) -> None:
        """Hang up; a question under way fails. From any thread."""
        with self._guard:
            self._closed = True
            sock = self._connection.sock
            if sock is not None:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads, which then closes it
            if not self._asking:
                self._connection.close()

    def _ask(self, after: str) -> bytes | None:
        for _ in range(3 + len(self._keys)):
            nonce = secrets.token_hex(16)
            key = self._keys[0]
            try:
                answer = self._exchange(key, nonce, after)
            except (OSError, http.client.HTTPException) as error:
                raise PeerError(getattr(error, "strerror", None) or str(error) or type(error).__name__) from None
            self._challenge = answer.challenge
            if answer.status in (200, 204):
                proof = key.of_answer(nonce, answer.status, answer.challenge, answer.body)
                if not feed_wire.same(proof, answer.mac):
                    raise PeerError("its answer is not signed with our key; " + _OTHER_KEY)
                return answer.body if answer.status == 200 else None
            if answer.status == 403 and len(self._keys) > 1:
                del self._keys[0]
            elif answer.status == 403:
                raise PeerError(_OTHER_KEY)
            elif answer.status != 401:
                raise PeerError(answer.body[:200].decode("ascii", "replace").strip() or f"it answers {answer.status}")
        raise PeerError("it refuses every challenge of its own; see that its clock runs")

    def _exchange(self, key: FeedKey, nonce: str, after: str) -> _Answer:
        connection = self._connection
        if connection.sock is None:
            connection.connect()
            with self._guard:
                if self._closed:
                    raise ConnectionAbortedError("closed")
            connection.sock.settimeout(feed_wire.WAIT + SILENCE)  # type: ignore[attr-defined]  # connect has made it
        headers = {}
        if self._challenge:
            headers["Authorization"] = feed_wire.authorization(key, self._challenge, nonce, after)
        connection.request("GET", f"{feed_wire.PATH}?after={after}", headers=headers)
        response = connection.getresponse()
        return _Answer(
            response.status,
            response.getheader(feed_wire.CHALLENGE, ""),
            response.getheader(feed_wire.MAC, ""),
            _read(response),
        )


def _read(response: http.client.HTTPResponse) -> bytes:
    """The whole body. Raises OSError if it is too large or too slow."""
    parts, size, until = [], 0, time.monotonic() + WHOLE
    while part := response.read(1 << 16):
        parts.append(part)
        size += len(part)
        if size > feed_wire.LARGEST or time.monotonic() > until:
            raise OSError(0, f"its answer is larger than {feed_wire.LARGEST} bytes or takes longer than {WHOLE:.0f} s")
    return b"".join(parts)
