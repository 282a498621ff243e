"""What a proxy takes of the machine, and what is alive in it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

from faststicky.serve.own_processes import open_files, resident

HERTZ = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """Of one moment. Keys of memory (bytes), files and cpu (seconds so far) are process IDs."""

    at: float
    memory: dict[int, int]
    files: dict[int, int]
    cpu: dict[int, float]
    live: dict[str, int]
    counters: dict[str, int]
    restarts: int
    generation: int
    workers: list[int] = field(default_factory=list)


def cpu_seconds(pid: int) -> float:
    """Of the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


async def fetch(host: str, port: int, target: str) -> Any:
    """A JSON answer, on a connection of its own that is closed behind it."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method="GET", target=target, headers=[("Host", host)]))
        client.send(h11.EndOfMessage())
        client.receive_data(await reader.read())
        client.receive_data(b"")
        body = b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            body += bytes(event.data) if isinstance(event, h11.Data) else b""
    finally:
        writer.close()
        await writer.wait_closed()
    return json.loads(body)


async def look(supervisor: int, admin: str) -> Sample:
    """Now. The connection that asks is gone again before descriptors are counted."""
    host, _, port = admin.rpartition(":")
    stats = await fetch(host, int(port), "/api/stats")
    table = await fetch(host, int(port), "/api/table")
    workers = sorted(worker["pid"] for worker in stats["workers"])
    pids = [supervisor, *workers]
    return Sample(
        at=time.monotonic(),
        memory={pid: resident([pid]) for pid in pids},
        files={pid: open_files([pid]) for pid in pids},
        cpu={pid: cpu_seconds(pid) for pid in pids},
        live=stats["total"]["live"],
        counters=stats["total"]["counters"],
        restarts=stats["restarts"],
        generation=table["generation"],
        workers=workers,
    )
