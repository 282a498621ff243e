"""Live events for pages and terminals (server-sent events, WHATWG HTML 9.2): what they get, and who gets it.

state    everything but numbers: services, backends, routes, warnings; at first, and whenever the table changes
history  the last minutes of every service, for charts; at first
numbers  every two seconds; of the backends only those whose numbers changed
event    something happened (see recent.py)
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

LIMIT = 64  # listeners
BEHIND = 32  # messages that a listener may be late before it is let go


class Listener:
    """One open answer. `next` is None when it is over."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(BEHIND)

    def put(self, message: bytes) -> bool:
        """False if it is too far behind."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            return False
        return True

    def end(self) -> None:
        """Nothing more comes."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self) -> bytes | None:
        """The next message, ready to be written."""
        return await self._queue.get()


class Feed:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self.closed = False

    @property
    def is_watched(self) -> bool:
        """True if anybody listens."""
        return bool(self._listeners)

    def join(self) -> Listener | None:
        """None if there are too many already, or no more will come."""
        if self.closed or len(self._listeners) >= LIMIT:
            return None
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """It has gone."""
        self._listeners.discard(listener)

    def send(self, kind: str, content: Any) -> None:
        """To all; who cannot follow is let go, and may come back."""
        if not self._listeners:
            return
        data = message(kind, content)
        for listener in [one for one in self._listeners if not one.put(data)]:
            self._listeners.discard(listener)
            listener.end()

    def close(self) -> None:
        """The proxy stops."""
        self.closed = True
        for listener in self._listeners:
            listener.end()
        self._listeners.clear()


def message(kind: str, content: Any) -> bytes:
    """On the wire; JSON has no line break that is not escaped."""
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(content) + b"\n\n"
