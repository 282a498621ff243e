"""One proxy in one scenario: CPU time of its process tree, throughput, latency, memory."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from processes import Pinned, cpu_seconds, memory
from proxies import Proxy, Setup, free_port
from scenarios import Scenario

from faststicky.bench.child import Child
from faststicky.bench.crew import run_plan
from faststicky.bench.plan import Plan, Target
from faststicky.bench.result import Result
from faststicky.bench.slices import Slice, total

PATIENCE = 60.0  # seconds until a proxy answers


@contextlib.contextmanager
def backends() -> Iterator[list[int]]:
    """Three built-in backends, each on every loopback address; their ports."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child("faststicky.bench.backend", f"b{i + 1}", "0", "all")) for i in range(3)]
        ports = [int(child.first_line()) for child in children]
        for child in children:
            os.sched_setaffinity(child.pid, {1})
        yield ports


def addresses(ports: Sequence[int], count: int) -> list[str]:
    """Three real ones, or many that lead to the same three processes by different loopback addresses."""
    if count <= len(ports):
        return [f"127.0.0.1:{port}" for port in ports[:count]]
    return [f"127.1.{i // 250}.{i % 250 + 1}:{ports[i % len(ports)]}" for i in range(count)]


@contextlib.contextmanager
def running(proxy: Proxy, setup: Setup) -> Iterator[tuple[Pinned, int]]:
    """The proxy, once it answers."""
    port = free_port()
    process = proxy.start(setup, port)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(port):
            if process.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{proxy.name} does not answer; its output:\n{process.log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield process, port
    finally:
        process.stop()


def load(proxy: Proxy, scenario: Scenario, setup: Setup, process: Pinned, port: int, seconds: float) -> dict[str, Any]:
    """One run of the load. CPU time and requests are those from the first to the last request, the warm-up included."""
    target = Target.parse(f"http://127.0.0.1:{port}/")
    fields = {"sessions": 64, "identify": "header", "wanted": "X-Backend", "warm_up": 0.3, **scenario.plan}
    plan = Plan(target=target, duration=seconds, headers=(("Cookie", "theme=dark; lang=en"),), **fields)
    swapped = [time.monotonic()]

    def tick() -> None:
        if scenario.swap and proxy.swap is not None and time.monotonic() - swapped[0] >= 1.0:
            swapped[0] = time.monotonic()
            count = len(setup.backends) - len(setup.backends) % 2
            order = list(setup.backends)[:: -1 if int(swapped[0]) % 2 else 1][:count]
            proxy.swap(setup._replace(backends=order), port, process)

    cpus = tuple(setup.cpus) if len(setup.cpus) > 1 else (1,)
    before, began = cpu_seconds(process.pid), time.monotonic()
    slices = run_plan(plan, 1, None, tick, cpus)
    spent, wall = cpu_seconds(process.pid) - before, time.monotonic() - began
    result = Result.of(plan, slices)
    whole: Slice = total(slices)
    return {
        "us": spent * 1e6 / max(whole.requests, 1),
        "busy": spent / wall,
        "rps": result.rate,
        "p50": result.latency.percentile(0.5),
        "p99": result.latency.percentile(0.99),
        "p999": result.latency.percentile(0.999),
        "errors": result.failed,
        "elsewhere": result.sum.elsewhere,
        "memory": memory(process.pid),
        "generator_us": result.cpu_per_request,
    }


def allow_files(wanted: int) -> int:
    """Open files that this process and all that it starts may have from now on: `wanted`, if root runs it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def idle_memory(process: Pinned, port: int, count: int) -> float:
    """Bytes of the proxy for each idle connection that has been used once."""
    with contextlib.ExitStack() as stack:

        def open_(number: int) -> None:
            for _ in range(number):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
                sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                sock.recv(4096)

        open_(100)
        time.sleep(0.5)
        before = memory(process.pid)
        open_(count)
        time.sleep(1)
        return (memory(process.pid) - before) / count


def medians(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of several runs; errors and strays are summed up."""
    found = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    found["errors"] = sum(run["errors"] for run in runs)
    found["elsewhere"] = sum(run["elsewhere"] for run in runs)
    found["spread"] = max(run["us"] for run in runs) / max(min(run["us"] for run in runs), 1e-9) - 1
    return found


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in sock.recv(4096)
    except OSError:
        return False


def folder(base: Path, proxy: Proxy, scenario: str) -> Path:
    """Where this one's files go."""
    return base / f"{proxy.name}-{scenario}".lower()
