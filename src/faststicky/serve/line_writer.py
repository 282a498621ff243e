"""Writes lines that others have made (statistics, access lines) to standard output or a file, from a thread of its own.

What cannot be written in time waits in a bounded queue; what does not fit there is dropped and counted. Neither traffic
nor the event loop ever waits for a disk or a log driver.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from pathlib import Path

from faststicky.errors import ConfigError

log = logging.getLogger(__name__)

MAX_QUEUE = 16 * 1024 * 1024  # bytes
BATCH = 1024 * 1024  # bytes of one write
PATIENCE = 2.0  # seconds that the end waits for a reader that does not read
STDOUT = 1


class LineWriter:
    """From `start` to `stop`. `dropped` counts lines."""

    def __init__(self, path: str = "") -> None:
        """path: "" for standard output; a file is appended to. Raises ConfigError if it cannot be opened."""
        self.dropped = 0
        self._path = path
        self._queue: deque[bytes] = deque()
        self._waiting = 0
        self._wake = threading.Condition()
        self._stopping = False
        self._reopen = False
        self._broken = False  # there is no reader any more
        self._lost = 0  # lines since they cannot be written
        self._torn = False  # the last line that was written has no end
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
        try:
            self._fd = self._open()
        except OSError as error:
            raise ConfigError(
                f"cannot write to {path}: {error.strerror}", where="--access-log-file", remedy="choose another file"
            ) from error

    def start(self) -> None:
        """From now on what is queued is written."""
        self._thread.start()

    def write(self, data: bytes, lines: int) -> bool:
        """Queue whole lines; False if they were dropped. Never waits, never raises."""
        with self._wake:
            if self._waiting + len(data) > MAX_QUEUE or self._broken or self._stopping:
                self.dropped += lines
                return False
            self._queue.append(data)
            self._waiting += len(data)
            self._wake.notify()
        return True

    def reopen(self) -> None:
        """The file was renamed: go on in a new one of the same name. Standard output stays."""
        with self._wake:
            self._reopen = True
            self._wake.notify()

    def stop(self) -> None:
        """Returns when all is written, or nobody has taken anything for a while."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE)
        if self._path and not self._thread.is_alive():
            os.close(self._fd)

    def _open(self) -> int:
        if not self._path:
            return STDOUT
        return os.open(Path(self._path), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._stopping or self._reopen)
                reopen, self._reopen = self._reopen, False
                parts, size = [], 0
                while self._queue and size < BATCH:
                    parts.append(self._queue.popleft())
                    size += len(parts[-1])
                if not parts and self._stopping:
                    return
            if reopen and self._path:
                self._open_anew()
            if parts:
                self._put(b"".join(parts))
            with self._wake:
                self._waiting -= size

    def _put(self, data: bytes) -> None:
        if self._torn:
            data = b"\n" + data  # so that a full disk costs the line that was cut, not also the first after it
        written, where = 0, self._path or "standard output"
        try:
            while written < len(data):
                written += os.write(self._fd, memoryview(data)[written:])
        except OSError as error:
            lost = data.count(b"\n", written) - (self._torn and not written)
            first = not self._lost
            self._lost += lost
            with self._wake:
                self.dropped += lost
                self._broken = isinstance(error, BrokenPipeError)
            if first:
                log.warning("lines cannot be written and are dropped; make room, or mend what reads them",
                            extra={"where": where, "error": str(error)})  # fmt: skip
        else:
            if self._lost:
                log.info("lines can be written again", extra={"where": where, "lost": self._lost})
            self._lost = 0
        if written:
            self._torn = data[written - 1] != ord("\n")

    def _open_anew(self) -> None:
        try:
            fd = self._open()
        except OSError as error:
            log.warning("the file cannot be opened again, the old one goes on; mend its directory, then send SIGUSR1",
                        extra={"file": self._path, "error": str(error)})  # fmt: skip
            return
        os.close(self._fd)
        self._fd, self._torn = fd, False
        log.info("access log opened again", extra={"file": self._path})
