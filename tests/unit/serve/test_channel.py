from __future__ import annotations

import asyncio
import socket

import pytest

from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec
from faststicky.serve import channel as channel_module
from faststicky.serve.channel import (
    Access,
    Acknowledged,
    BackendsPiece,
    BeginTable,
    Channel,
    Drain,
    EndTable,
    Events,
    GetStats,
    Hello,
    Leaving,
    Line,
    NamesPiece,
    NoTable,
    Ready,
    Rejected,
    RoutesPiece,
    ServicePiece,
    Stats,
    encode,
)
from faststicky.settings import RelayOptions

BACKEND = BackendSpec(id="1", name="a", host="10.0.0.1", port=80, weight=1, state="up", cookie_value="x")
SERVICE = ServiceSpec(name="web", backends=(), lookup=(), cookie=CookiePolicy(name="_c"), pass_host_header=True)
ROUTE = Route(name="r", rule="", service="web", priority=1, alternatives=((Matcher("host", ("a",)),),))
LINE = Line(BACKEND, (("x", "task"), ("y", "slot")))
MESSAGES = [
    Access(lines=b"{}\n", dropped=2),
    Hello(index=1, listeners=(3, 4), region=5, relay=RelayOptions(max_head=1), grace=2.5),
    NoTable(),
    BeginTable(generation=7, base=None),
    ServicePiece(service=SERVICE, backends=2, values=2),
    BackendsPiece(segments=[(3, 1, [LINE])]),
    NamesPiece(names=("web",)),
    RoutesPiece(routes=(ROUTE,)),
    EndTable(),
    GetStats(),
    Drain(grace=0.0),
    Ready(),
    Acknowledged(generation=7),
    Rejected(generation=8, error="why"),
    Leaving(),
    Events(events=[{"event": "answered", "status": 503, "raw": b"\xff"}], dropped=2),
    Stats(generation=7, counters={"requests": 1}, live={"clients": 2}),
]


async def pair() -> tuple[Channel, Channel]:
    ours, theirs = socket.socketpair()
    return await Channel.open(ours), await Channel.open(theirs)


def test_messages_arrive_whole_and_in_order():
    async def run() -> None:
        left, right = await pair()
        for message in MESSAGES[:5]:
            left.send(message)
        for message in MESSAGES[5:]:
            left.write(encode(message))
        assert [await right.receive() for _ in MESSAGES] == MESSAGES
        await left.close()
        assert await right.receive() is None
        await right.close()

    asyncio.run(run())


def test_byte_by_byte():
    async def run() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.open(theirs)
        with ours:
            for byte in encode(MESSAGES[1]):
                ours.send(bytes([byte]))
                await asyncio.sleep(0)
            assert await channel.receive() == MESSAGES[1]
        await channel.close()

    asyncio.run(run())


def test_a_large_message():
    async def run() -> None:
        left, right = await pair()
        message = BackendsPiece(segments=[(0, 0, [LINE] * 100_000)])
        left.send(message)
        assert left.backlog > 0
        assert await right.receive() == message
        await left.flush()
        await left.close()
        await right.close()

    asyncio.run(run())


@pytest.mark.parametrize("end", [b"", b"\0\0", b"\0\0\0\5ab"])
def test_a_side_that_dies_in_the_middle_is_an_end(end):
    async def run() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.open(theirs)
        with ours:
            ours.sendall(end)
        assert await channel.receive() is None
        channel.send(GetStats())
        channel.send(GetStats())
        await channel.flush()
        await channel.close()
        channel.send(GetStats())

    asyncio.run(run())


@pytest.mark.parametrize(
    "nonsense", [b"\0\0\0\1\xc1", b"\0\0\0\7\x81\xa4type\xa1", encode(GetStats()).replace(b"get", b"set")]
)
def test_nonsense_is_told(nonsense, monkeypatch):
    monkeypatch.setattr(channel_module, "MAX_MESSAGE", 1000)

    async def run() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.open(theirs)
        with ours:
            ours.sendall(nonsense)
            with pytest.raises(ValueError):
                await channel.receive()
            ours.sendall((1001).to_bytes(4, "big"))
        with pytest.raises(ValueError, match="1001 bytes"):
            await channel.receive()
        await channel.close()

    asyncio.run(run())


def test_an_event_may_carry_anything():
    async def run() -> None:
        left, right = await pair()
        left.send(Events(events=[{"error": ValueError("text")}], dropped=0))
        received = await right.receive()
        assert isinstance(received, Events)
        assert received.events == [{"error": "text"}]
        await left.close()
        await right.close()

    asyncio.run(run())
