"""The demo's child processes: started together, ended together, whatever happens in between."""

from __future__ import annotations

import contextlib
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType

STOP_PATIENCE = 15.0  # seconds from SIGTERM to SIGKILL


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class Player:
    """One `python -m faststicky ...`. Its standard output is read here; its errors go where the demo's go."""

    def __init__(self, name: str, *args: str) -> None:
        self.name = name
        # in a session of its own: Ctrl-C is for the demo, which ends the others in order
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "faststicky", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def is_running(self) -> bool:
        """False once it has ended."""
        return self._process.poll() is None

    def first_line(self, patience: float) -> str:
        """What it says first, within `patience` seconds. Raises DemoError."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(patience) else b""
        if not line:
            raise DemoError(f"{self.name} did not start")
        return line.decode().strip()

    def wait_for(self, condition: Callable[[], bool], patience: float) -> None:
        """Until `condition` holds, while the process runs. Raises DemoError."""
        deadline = time.monotonic() + patience
        while not condition():
            if not self.is_running:
                raise DemoError(f"{self.name} ended with exit code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise DemoError(f"{self.name} was not ready within {patience:g} s")
            time.sleep(0.02)

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def stop(self) -> None:
        """Returns when it is gone."""
        self.ask_to_stop()
        try:
            self._process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class Cast:
    """All players; none outlives the `with` block."""

    def __init__(self) -> None:
        self._players: dict[str, Player] = {}

    def start(self, name: str, *args: str) -> Player:
        """`faststicky ARGS...` as a child process."""
        self._players[name] = Player(name, *args)
        return self._players[name]

    def running(self, name: str) -> bool:
        """True while that player runs."""
        return self._players[name].is_running

    def __enter__(self) -> Cast:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for player in self._players.values():
            player.ask_to_stop()
        for player in self._players.values():
            player.stop()
