"""One process of load: `python -m faststicky.bench.generator`.

Standard input: a Plan, as one line of JSON. Standard output: Slices, one a line.
It ends when the plan is done, or with the end of its standard input: whoever started it is gone, or wants it to stop.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import ssl
import sys
import time

import msgspec
import uvloop

from faststicky.bench.plan import Plan
from faststicky.bench.slices import Phase, Slice
from faststicky.core._load import Client, Load

SLICE = 0.25  # seconds
SWEEP = 0.05  # seconds between two looks for time-outs
RETRY = 0.05  # seconds before a connection that failed is tried again


class Generator:
    """A plan, carried out on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, plan: Plan) -> None:
        self._loop = loop
        self._plan = plan
        self._tls = tls_context(plan) if plan.target.tls else None
        self._done = asyncio.Event()
        self._dials: set[asyncio.Task[None]] = set()
        self._phase: Phase = "warm-up" if plan.warm_up else "run"
        self._cpu = time.process_time()
        self._load = Load(
            loop,
            self._dial,
            self._done.set,
            plan.request_list(),
            connections=plan.connections,
            sessions=plan.sessions,
            cookies=plan.cookies(),
            depth=plan.depth,
            rate=plan.rate,
            phase=plan.phase,
            limit=plan.requests,
            close_ratio=plan.close_ratio,
            timeout=plan.timeout,
            identify=plan.identify,
            wanted=plan.wanted.encode("latin-1"),
            echo=plan.body if plan.websocket else None,
        )

    async def run(self) -> None:
        """Until the plan is done."""
        plan = self._plan
        self._began = self._loop.time()
        self._cut_at = 0.0
        self._load.start()
        sweeping = asyncio.ensure_future(self._sweep())
        if plan.warm_up:
            await self._until(plan.warm_up)
            self._cut()
            self._phase = "run"
        await self._until(plan.warm_up + plan.duration if plan.duration else float("inf"))
        self._cut()
        self._phase = "tail"
        self._load.stop()
        await self._until(self._cut_at + plan.timeout)
        sweeping.cancel()
        for task in list(self._dials):
            task.cancel()
        self._load.close()
        self._cut()

    async def _until(self, end: float) -> None:
        """Cut slices until `end` seconds since the beginning, or until there is nothing left to do."""
        while (now := self._loop.time() - self._began) < end and not self._done.is_set():
            wait = min(self._cut_at + SLICE, end) - now
            try:
                async with asyncio.timeout(max(wait, 0.001)):
                    await self._done.wait()
            except TimeoutError:
                if self._loop.time() - self._began < end:
                    self._cut()

    def _cut(self) -> None:
        now, cpu = self._loop.time() - self._began, time.process_time()
        found = Slice.of(self._load.take(), self._phase, self._cut_at, now, cpu - self._cpu)
        self._cut_at, self._cpu = now, cpu
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.buffer.flush()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self._load.sweep()

    def _dial(self, client: Client) -> None:
        task = self._loop.create_task(self._connect(client))
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)

    async def _connect(self, client: Client) -> None:
        target = self._plan.target
        name = target.name if self._tls else None
        while True:
            try:
                async with asyncio.timeout(self._plan.timeout):
                    await self._loop.create_connection(
                        lambda: client, target.host, target.port, ssl=self._tls, server_hostname=name
                    )
            except OSError:  # TimeoutError and ssl.SSLError among them
                if not self._load.connect_failed():
                    return
                await asyncio.sleep(RETRY)
            else:
                return


def tls_context(plan: Plan) -> ssl.SSLContext:
    """Certificates are checked, unless the plan says that it is not worth it."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if plan.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def raise_file_limit() -> None:
    """As many connections as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _main(plan: Plan) -> None:
    loop = asyncio.get_running_loop()
    run = asyncio.ensure_future(Generator(loop, plan).run())
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    orphaned = asyncio.ensure_future(reader.read())
    try:
        await asyncio.wait((run, orphaned), return_when=asyncio.FIRST_COMPLETED)
        if run.done():
            run.result()
    finally:
        run.cancel()
        orphaned.cancel()
        transport.close()


def main() -> int:
    """The first line of standard input is the plan."""
    raise_file_limit()
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    gc.freeze()
    gc.set_threshold(100_000)  # its pauses would be measured
    uvloop.run(_main(plan))
    return 0


if __name__ == "__main__":
    sys.exit(main())
