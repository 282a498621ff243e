"""`faststicky run` and `faststicky whoami` as real processes, for tests that look at them from outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from patience import seconds

PATIENCE = seconds(60.0)  # seconds for anything to become true

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FASTSTICKY_")}


def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.02)
    return value


def faststicky(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "faststicky", *args],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**ENVIRONMENT, **environment},
        check=False,
    )


@contextlib.contextmanager
def whoami(name: str, listen: str = "127.0.0.1") -> Iterator[str]:
    """A backend; its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "faststicky", "whoami", "--listen", listen, "--port", "0", "--name", name],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://{process.stdout.readline().split()[-1]}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Proxy:
    """A running proxy."""

    def __init__(self, process: subprocess.Popen[str], log: Path, ready: Path) -> None:
        self.process = process
        self._log = log
        until(lambda: ready.exists() or process.poll() is not None, "the proxy's start")
        assert process.poll() is None, log.read_text()
        addresses = json.loads(ready.read_text())
        self.ready_file = ready
        self.listen: str = (addresses["listen"] or [":0"])[0]
        self.admin: str = addresses["admin"]
        self.feed: str = addresses["feed"]
        self.host, _, port = self.listen.rpartition(":")
        self.port = int(port)

    def get(self, path: str = "/", **headers: str) -> tuple[int, str, dict[str, str]]:
        """Status, body and header fields of one request through the proxy."""
        return fetch(f"http://{self.listen}{path}", **headers)

    def api(self, path: str) -> Any:
        """A JSON answer of the admin server."""
        return json.loads(fetch(f"http://{self.admin}{path}")[1])

    def connect(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection((self.host, self.port), timeout=PATIENCE)

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log so far."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of one kind."""
        return [line for line in self.log if line["event"] == name]

    def workers(self) -> list[int]:
        """Their process IDs, from the kernel."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code after the signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def fetch(url: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and header fields; errors are answers too."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE) as response:
            return response.status, response.read().decode(), dict(response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)


@contextlib.contextmanager
def proxy(folder: Path, *args: str, open_files: int = 0, **environment: str) -> Iterator[Proxy]:
    """`faststicky run ARGS...` on free ports, with one worker unless told otherwise. open_files: its limit of them."""
    ready, log = folder / "ready.json", folder / "log"
    workers = () if "--workers" in args else ("--workers", "1")
    listen = () if "--listen" in args else ("--listen", "127.0.0.1:0")
    command = ("run", *listen, "--admin", "127.0.0.1:0", "--state-dir", str(folder / "state"))
    limited = ("sh", "-c", f'ulimit -n {open_files} && exec "$@"', "sh") if open_files else ()
    with log.open("w") as stderr, (folder / "output").open("a") as stdout:
        process = subprocess.Popen(
            [*limited, sys.executable, "-m", "faststicky", *command, "--ready-file", str(ready), *workers, *args],
            stdout=stdout,
            stderr=stderr,
            text=True,
            env={**ENVIRONMENT, **environment},
        )
    try:
        yield Proxy(process, log, ready)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        unexpected = [line for line in log.read_text().splitlines() if not line.startswith("{")]
        assert unexpected == [], "\n".join(unexpected)
