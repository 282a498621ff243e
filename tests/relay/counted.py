"""A relay whose counters and access lines a test reads; the fixture `make` makes them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from faststicky.core import Relay, _stats
from faststicky.model import TableSpec
from faststicky.settings import RelayOptions
from relay.lab import GET, OPTIONS, Backend, Lab, Loop, ok, service, table
from relay.peer import Peer, until


def counted(*backends: Backend, **options: Any) -> TableSpec:
    """A table of one service with series 3, its backends with series 5, 6, ..."""
    spec = service(backends)
    specs = tuple(msgspec.structs.replace(each, series=5 + at) for at, each in enumerate(spec.backends))
    return table(msgspec.structs.replace(spec, backends=specs, series=3, **options))


class Counted:
    """A relay with a region and an access log."""

    def __init__(self, lab: Lab, loop: Loop, spec: TableSpec, region: mmap.mmap | None = None, **options: Any) -> None:
        self.region = region or mmap.mmap(-1, _stats.REGION_SIZE)
        self.lines: list[str] = []
        self.handed: list[int] = []  # bytes of each time that lines were handed over
        self.proxy = lab.proxy(None, **options)
        loop.call(self.proxy.relay.close)
        self.proxy.relay = loop.call(self._relay, loop, RelayOptions(**{**OPTIONS, **options}))
        self.proxy.publish(spec)

    def _relay(self, loop: Loop, options: RelayOptions) -> Relay:
        return Relay(loop.loop, options, self.proxy.events.append, region=self.region, on_access=self._access)

    def _access(self, lines: bytes) -> None:
        self.lines += lines.decode("ascii").splitlines()
        self.handed.append(len(lines))

    def service(self) -> _stats.Counters:
        return _stats.read_service(self.region, 3)[0]

    def total(self) -> _stats.Counters:
        return _stats.read_service(self.region, 0)[0]

    def backend(self, at: int = 0) -> _stats.Counters:
        return _stats.read_backend(self.region, 5 + at)

    def is_quiet(self) -> None:
        """Nothing is counted as under way any more, anywhere."""

        def under_way() -> list[int]:
            everybody = self.service(), self.total(), self.backend(0), self.backend(1)
            return [each[gauge] for each in everybody for gauge in ("in_flight", "queued")]

        until(lambda: not any(under_way()), f"nothing in flight or queued: {under_way()}")


@pytest.fixture
def make(lab: Lab, loop: Loop) -> Iterator[Any]:
    made: list[Counted] = []

    def one(*backends: Backend, **options: Any) -> Counted:
        chosen = {
            name: options.pop(name)
            for name in ("hold", "max_concurrent", "max_queued", "queue_timeout")
            if name in options
        }
        made.append(Counted(lab, loop, counted(*backends, **chosen), **options))
        return made[-1]

    yield one
    for each in made:
        each.is_quiet()


def exchange(client: Peer, backend: Backend, request: bytes = GET, answer: bytes = b"") -> int:
    client.send(request)
    peer = backend.peers[-1] if backend.peers else backend.accept()
    peer.request()
    peer.send(answer or ok())
    return client.answer().status
