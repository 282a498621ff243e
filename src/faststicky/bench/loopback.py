"""`--self`: built-in backends and the proxy on loopback: something to measure that needs nothing else."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from faststicky.bench.child import BenchError, Child

PATIENCE = 20.0  # seconds until the proxy serves
STOP = 15.0  # seconds from SIGTERM to SIGKILL


class Loopback:
    """URLs and process IDs of what was started."""

    def __init__(self, url: str, direct: str, proxy: int) -> None:
        self.url, self.direct, self.proxy = url, direct, proxy


@contextlib.contextmanager
def loopback(backends: int, workers: int = 1, options: Sequence[str] = ()) -> Iterator[Loopback]:
    """Backends b1, b2, ... and a proxy before them. options: more of `faststicky run`. Raises BenchError."""
    with contextlib.ExitStack() as stack:
        ports = [
            stack.enter_context(Child("faststicky.bench.backend", f"b{i + 1}")).first_line() for i in range(backends)
        ]
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="faststicky-bench-"))
        ready = Path(folder, "ready")
        given = [word for port in ports for word in ("--backend", f"http://127.0.0.1:{port}")]
        process = subprocess.Popen(
            [
                sys.executable, "-P", "-m", "faststicky", "run", "--listen", "127.0.0.1:0", "--admin", "off",
                "--workers", str(workers), "--state-dir", folder, "--ready-file", str(ready), "--log-level", "warning",
                *given, *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # its statistics; standard output is ours
            start_new_session=True,
        )  # fmt: skip
        stack.callback(_stop, process)
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            if process.poll() is not None:
                raise BenchError(f"the proxy ended with exit code {process.returncode}")
            if time.monotonic() > deadline:
                raise BenchError(f"the proxy did not serve within {PATIENCE:g} s")
            time.sleep(0.02)
        listen = json.loads(ready.read_text(encoding="utf-8"))["listen"][0]
        yield Loopback(f"http://{listen}/", f"http://127.0.0.1:{ports[0]}/", process.pid)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
