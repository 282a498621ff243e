"""A Python process of ours that speaks in lines, and is gone when it is left."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from types import TracebackType
from typing import IO

from faststicky.errors import FaststickyError

PATIENCE = 10.0  # seconds from the polite end to the other one


class BenchError(FaststickyError):
    """The benchmark cannot go on."""


class Child:
    """`python -m MODULE ARGS...`. Its standard input stays open for as long as it is wanted: its end means stop."""

    def __init__(self, module: str, *args: str) -> None:
        self._module = module
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us, who end the others in order
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Process ID."""
        return self.process.pid

    @property
    def output(self) -> IO[bytes]:
        """What it says."""
        assert self.process.stdout is not None
        return self.process.stdout

    def tell(self, line: bytes) -> None:
        """Write a line to its standard input. Raises BenchError if it is gone."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise BenchError(f"{self._module} ended with exit code {self.process.wait()}") from None

    def first_line(self) -> str:
        """What it says first. Raises BenchError if it ends before."""
        line = self.output.readline()
        if not line:
            raise BenchError(f"{self._module} ended with exit code {self.process.wait()}")
        return line.decode().strip()

    def stop(self) -> None:
        """Returns when it is gone."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
