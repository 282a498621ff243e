"""The engine's events as a hint that something may have changed.

Swarm reports changes of services and nodes but none of tasks; containers of this node are reported by its own engine.
So an event wakes the control thread, and polling finds the truth. The SDK reads events without a deadline and ends the
stream without an error when the connection breaks: both are the rule here, and answered by connecting again later.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections.abc import Callable
from typing import Any

from faststicky.discovery.swarm_api import connect

log = logging.getLogger("faststicky.discovery")

FILTERS = {
    "type": ["service", "node", "container"],
    # of containers only what changes a task; not exec_*, of which every health check gives three
    "event": ["create", "update", "remove", "start", "kill", "die", "health_status"],
}
FIRST_PAUSE, LAST_PAUSE = 0.5, 30.0  # seconds between two connections, doubled while none lives


class EventHints:
    """A thread that calls `wake` at every event, and after each new connection (something may have been missed)."""

    def __init__(self, endpoint: str, wake: Callable[[str], None], timeout: int = 5) -> None:
        """wake: called with the event's type: "service", "node", "container", or "" after a new connection.

        timeout: seconds to connect; the stream itself has none.
        """
        self._endpoint = endpoint
        self._wake = wake
        self._timeout = timeout
        self._lock = threading.Lock()
        self._stream: Any = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="docker-events", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End; True if the thread has ended within `timeout` seconds."""
        self._stopped.set()
        with self._lock:
            self._cut()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            try:
                client = connect(self._endpoint, self._timeout)
                try:
                    if self._listen(client):
                        pause = FIRST_PAUSE
                finally:
                    client.close()
            except Exception as error:  # whatever a broken stream raises in the SDK and below: it is only a hint
                log.debug("no events from %s, polling goes on: %s", self._endpoint, error)
            self._stopped.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, LAST_PAUSE)

    def _listen(self, client: Any) -> bool:
        """Until the stream ends. True if there was any event."""
        stream = client.events(filters=FILTERS, decode=True)
        with self._lock:
            self._stream = stream
            if self._stopped.is_set():
                self._cut()
        any_event = False
        try:
            self._wake("")
            for event in stream:
                if self._stopped.is_set():
                    break
                any_event = True
                self._wake(str(event.get("Type", "")))
        finally:
            with self._lock:
                self._cut()
        return any_event

    def _cut(self) -> None:
        """Break the stream's connection, so that the thread that reads it wakes up. Called with the lock held."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with contextlib.suppress(Exception):  # the connection may have ended by itself at this very moment
                stream.close()
