"""Lines of files and pipes as they are written, as `tail -F` gives them."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO

PAUSE = 0.2  # seconds between two looks at what has grown
_AHEAD = 10_000  # lines of pipes that wait to be taken


def following(files: Sequence[IO[str]]) -> Generator[str, None, None]:
    """Lines; "" when there is nothing for the moment. Ends when the last pipe has ended and there is no file: those have no end.

    A file that is renamed (logrotate) is read to its end, then the new one of its name; one that is cut, from its begin.
    """
    lines: queue.Queue[str | None] = queue.Queue(_AHEAD)
    open_pipes = 0
    grown: list[_Growing] = []
    for file in files:
        if file.seekable():
            grown.append(_Growing(file))
        else:
            open_pipes += 1
            threading.Thread(target=_pump, args=(file, lines), daemon=True).start()
    try:
        while open_pipes or grown:
            for one in grown:
                yield from one.lines()
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=PAUSE)
                while True:
                    open_pipes -= line is None
                    if line is not None:
                        yield line
                    line = lines.get_nowait()
            yield ""
    finally:
        for one in grown:
            one.close()


def _pump(file: IO[str], lines: queue.Queue[str | None]) -> None:
    with contextlib.suppress(ValueError, OSError):  # it was closed
        for line in file:
            lines.put(line)
    lines.put(None)


class _Growing:
    """One file."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._half = ""  # of a line whose rest is still being written
        self._is_ours = False

    def lines(self) -> Iterator[str]:
        """What is new."""
        yield from self._rest()
        state = os.fstat(self._file.fileno())
        if state.st_size < self._file.tell():
            self._file.seek(0)
            self._half = ""
            yield from self._rest()
        with contextlib.suppress(OSError):  # there is no file of its name yet, or we may not read it
            path = Path(self._file.name)
            now = path.stat()
            if (now.st_dev, now.st_ino) != (state.st_dev, state.st_ino):
                newer = path.open(encoding="utf-8", errors="replace")
                yield from self._rest()  # what came until now
                self.close()
                self._file, self._half, self._is_ours = newer, "", True
                yield from self._rest()

    def close(self) -> None:
        """What was given stays open."""
        if self._is_ours:
            self._file.close()

    def _rest(self) -> Iterator[str]:
        while text := self._file.readline():
            self._half += text
            if self._half.endswith("\n"):
                yield self._half
                self._half = ""
