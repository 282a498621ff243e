"""More connections than usual, more than are allowed, and more than there are descriptors for."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faststicky.serve.limits import RESERVED_FILES
from faststicky.serve.own_processes import open_files, resident
from patience import seconds, size
from proxy.crowd import GET, Crowd, many_files
from proxy.running import Proxy, proxy, until, whoami
from soak.processes import backend
from soak.watch import cpu_seconds

FEW = 256  # open files
FEW_CLIENTS = (FEW - RESERVED_FILES) // 2


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a backend that is up to it."""
    with backend("faststicky.bench.backend", "b") as (port,):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def files() -> Iterator[int]:
    with many_files() as hard:
        yield hard


def live(running: Proxy) -> dict[str, int]:
    return running.api("/api/stats")["total"]["live"]


def becomes(running: Proxy, **numbers: int) -> None:
    until(lambda: numbers.items() <= live(running).items(), f"{numbers}")


def are_idle(running: Proxy) -> bool:
    """No worker spins: less than half of a second's time is used, generously, where a busy loop takes all of it."""
    before = {pid: cpu_seconds(pid) for pid in running.workers()}
    time.sleep(1.0)
    return all(cpu_seconds(pid) - used < 0.5 for pid, used in before.items())


def test_five_thousand_at_once(tmp_path: Path, url: str):
    with proxy(tmp_path, "--backend", url, "--workers", "2") as running:
        with Crowd((running.host, running.port), 5000) as crowd:
            assert crowd.ask() == {"200": 5000}
            becomes(running, clients=5000)
        becomes(running, clients=0)
        assert running.api("/api/stats")["restarts"] == 0
        assert not [line for line in running.log if line["level"] != "info"]


def test_backends_that_accept_slowly(tmp_path: Path):
    """Not every request has a connection opened for it: most take what has become free meanwhile."""
    patient = ("--workers", "2", "--connect-timeout", "10m", "--response-timeout", "10m")
    with (
        whoami("ann") as ann,
        whoami("bob") as bob,
        proxy(tmp_path, "--backend", ann, "--backend", bob, *patient) as running,
        Crowd((running.host, running.port), 3000) as crowd,
    ):
        assert crowd.ask(patience=seconds(60.0)) == {"200": 3000}
        counters = running.api("/api/stats")["total"]["counters"]
        assert (counters["connect_errors"], counters["ejections"]) == (0, 0)
        assert counters["connects"] < 2500


def test_twenty_thousand_that_are_kept(tmp_path: Path, url: str, files: int):
    """Or what the hard limit of open files leaves for this process, and for two workers between which the kernel chooses."""
    count = min(20_000, files - 500, files - RESERVED_FILES - 700)
    with proxy(tmp_path, "--backend", url, "--workers", "2", "--keepalive-timeout", "10m") as running:
        before = resident(running.workers())
        with Crowd((running.host, running.port), count, wave=4000) as crowd:
            becomes(running, clients=count)
            each = (resident(running.workers()) - before) / count
            assert each < size(8192), f"{each:.0f} bytes for each idle connection"
            assert are_idle(running)
            some = crowd.socks[:: count // 300]
            assert crowd.ask(socks=some) == {"200": len(some)}
            becomes(running, clients=count, exchanges=0)
        becomes(running, clients=0)
        assert running.get()[0] == 200


def test_at_the_limit_nobody_is_turned_away(tmp_path: Path, url: str):
    """Accepting stops, the others wait in the kernel's queue, and it goes on by itself."""
    with (
        proxy(tmp_path, "--backend", url, "--max-connections", "100") as running,
        Crowd((running.host, running.port), 1000) as crowd,
    ):
        assert crowd.ask(patience=seconds(1.0)) == {"200": 100, "silent": 900}
        assert live(running)["clients"] == 100
        assert are_idle(running)
        crowd.leave(crowd.answered)
        while crowd.socks:  # they have sent their requests already
            answered = until(lambda: [sock for sock in crowd.socks if has_answer(sock)], "the next ones")
            assert len(answered) <= 100
            assert live(running)["clients"] <= 100
            crowd.leave(answered)
        becomes(running, clients=0)
        assert running.get()[0] == 200
        assert running.events("full")[0]["clients"] == 100


def test_more_connections_than_there_are_files_for(tmp_path: Path, url: str):
    """What was asked for is not possible: said at the start, and nobody is turned away for it."""
    options = ("--backend", url, "--max-connections", "10000")
    with proxy(tmp_path, *options, open_files=FEW) as running, Crowd((running.host, running.port), 1000) as crowd:
        assert crowd.ask(patience=seconds(1.0)) == {"200": FEW_CLIENTS, "silent": 1000 - FEW_CLIENTS}
        assert are_idle(running)
        crowd.leave(crowd.answered)
        while crowd.socks:
            crowd.leave(until(lambda: [sock for sock in crowd.socks if has_answer(sock)], "the next ones"))
        (warning,) = [line for line in running.log if "--max-connections" in line["event"]]
        assert str(FEW_CLIENTS) in warning["event"]


def test_connections_to_backends_leave_files_for_others(tmp_path: Path):
    """Eight backends to which as many connections as there are clients are kept: the oldest of them make room."""
    hosts = [f"127.0.0.{number}" for number in range(2, 10)]
    with whoami("x", listen="0.0.0.0") as url:
        port = url.rpartition(":")[2]
        lines = []
        for host in hosts:
            lines += [f"[services.s{host[8:]}]", f'backends = ["http://{host}:{port}"]']
            lines += ["[[routes]]", f'rule = "Host(`{host}`)"', f'service = "s{host[8:]}"']
        config = tmp_path / "proxy.toml"
        config.write_text("\n".join(lines))
        with proxy(tmp_path, "--config", str(config), "--pool-idle", "10m", open_files=FEW) as running:
            for host in hosts:
                with Crowd((running.host, running.port), FEW_CLIENTS - 4) as crowd:
                    slow = GET.replace(b"GET /", b"GET /slow?ms=300").replace(b"Host: a", b"Host: " + host.encode())
                    assert crowd.ask(slow) == {"200": FEW_CLIENTS - 4}, host
                becomes(running, clients=0, exchanges=0)
            assert FEW_CLIENTS / 2 < live(running)["upstream_idle"] <= FEW_CLIENTS
            assert running.api("/api/stats")["total"]["counters"]["connect_errors"] == 0
            (worker,) = running.workers()
            assert open_files([worker]) < FEW


@contextlib.contextmanager
def no_more_files(pid: int) -> Iterator[None]:
    """The process cannot open another one: the limit is the lowest number that is free."""
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(set(range(len(taken) + 1)) - taken), limit[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)


def test_without_any_files_left_to_accept_with(tmp_path: Path, url: str):
    """Whatever took them: whoever is there is served, the others are turned away at once, and it is over when it is over."""
    options = ("--backend", url, "--pool-idle", "10m")
    with proxy(tmp_path, *options) as running, Crowd((running.host, running.port), 50) as crowd:
        assert crowd.ask() == {"200": 50}
        (worker,) = running.workers()
        with no_more_files(worker), Crowd((running.host, running.port), 200) as others:
            assert are_idle(running)
            assert set(others.ask()) <= {"reset", "closed"}
            for sock in crowd.socks:  # with a connection to the backend that is there
                assert crowd.ask(socks=[sock]) == {"200": 1}
        assert crowd.ask() == {"200": 50}
        with Crowd((running.host, running.port), 200) as others:
            assert others.ask() == {"200": 200}
        assert running.workers() == [worker]


def test_without_any_files_left_to_connect_with(tmp_path: Path, url: str):
    """That is not the backend's fault: it is not ejected, and no user loses a session."""
    with proxy(tmp_path, "--backend", url, "--pool-size", "0") as running:
        with Crowd((running.host, running.port), 20) as crowd:
            assert crowd.ask() == {"200": 20}
            becomes(running, upstream_idle=0, upstream_busy=0)
            (worker,) = running.workers()
            with no_more_files(worker):
                assert set(crowd.ask()) <= {"502", "503"}
                assert are_idle(running)
            assert crowd.ask() == {"200": 20}
        assert running.api("/api/stats")["total"]["counters"]["ejections"] == 0
        assert any("Too many open files" in line.get("reason", "") for line in running.log)


def has_answer(sock: socket.socket) -> bool:
    """Without reading it."""
    with contextlib.suppress(BlockingIOError):
        return sock.recv(20, socket.MSG_PEEK).startswith(b"HTTP/1.1 200 ")
    return False
