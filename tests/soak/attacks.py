"""What clients do wrong, one function each: `await attack(Attacker)`. Each is bounded in bytes and in time.

What must never be seen is checked here: a refused message that is answered otherwise, an answer of a user, and (by the backends)
what stood behind a refused message.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from fuzz import guided
from relay.cases import read_cases as read_relay_cases
from soak.bad_backend import BEHAVIOURS
from soak.ledger import Ledger
from soak.raw import Raw
from twin.messages import INTERESTING
from wire.cases import read_cases as read_wire_cases

BEHIND = b"GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"
CHUNKED = b"POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET /hostile HTTP/1.1\r\nHost: a\r\n\r\n"
PATIENCE = 3.0  # seconds for an answer that may come or not
WEBSOCKET = (
    b"GET /soak/echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

# Refused whatever the options are; (bytes, status)
REFUSED = [
    ((CHUNKED if case.kind == "chunked" else b"") + case.data, case.refused[0])
    for case in read_wire_cases()
    if case.refused and not case.options and case.kind in ("request", "chunked")
]
SEEDS = [
    *(case.data for case in read_wire_cases() if case.kind == "request"),
    *(case.data("request") for case in read_relay_cases()),
    *(seed[1:] for seed in guided.seeds("request")),
]


class Attacker:
    """Where the attacks go, what they may roll, and where they write down what they saw."""

    def __init__(self, address: tuple[str, int], ledger: Ledger, dice: random.Random) -> None:
        self.address, self.ledger, self.dice = address, ledger, dice

    def raw(self, receive_buffer: int = 0) -> Raw:
        return Raw(self.address, receive_buffer)

    def note(self, attack: str, raw: Raw, first: bytes = b"") -> None:
        self.ledger.answered(attack, first)
        if b"user-" in raw.received:
            self.ledger.saw(attack, f"a user's answer: {raw.received[-200:]!r}")

    async def leave(self, raw: Raw) -> None:
        """One of the ways to go."""
        how = self.dice.randrange(4)
        if how == 0:
            raw.reset()
        elif how == 1:
            raw.finish()
            await raw.rest(PATIENCE)
        elif how == 2:
            await asyncio.sleep(0.2)


async def refused(a: Attacker) -> None:
    """The wire cases that are refused, with a request behind them."""
    data, status = a.dice.choice(REFUSED)
    async with a.raw() as raw:
        await raw.send(data + BEHIND)
        first = await raw.rest(PATIENCE)
        a.note("refused", raw, first)
        # A body that is refused is found while it is on its way: its answer may have come, or be cut
        if data.startswith(CHUNKED):
            return
        if not first.startswith(b"HTTP/1.1 %d " % status):
            a.ledger.saw("refused", f"{first[:60]!r} for {data[:200]!r}, which wants {status}")


async def mutated(a: Attacker) -> None:
    """Cases, whole or with some bytes changed, in one piece or in several."""
    data = a.dice.choice(SEEDS)[:20000]
    for _ in range(a.dice.randrange(4)):
        at = a.dice.randrange(len(data) + 1)
        byte = a.dice.choice((b"", bytes([a.dice.choice(INTERESTING)])))
        data = data[:at] + byte + data[at + a.dice.randrange(2) :]
    async with a.raw() as raw:
        cut = a.dice.randrange(len(data) + 1)
        await raw.send(data[:cut])
        await asyncio.sleep(a.dice.choice((0.0, 0.0, 0.01)))
        await raw.send(data[cut:])
        first = await raw.rest(0.3)
        await a.leave(raw)
        a.note("mutated", raw, first)


async def cut(a: Attacker) -> None:
    """Gone in the middle of anything."""
    data = a.dice.choice(SEEDS)[:20000]
    async with a.raw() as raw:
        await raw.send(data[: a.dice.randrange(len(data) + 1)])
        if a.dice.random() < 0.3:
            await raw.rest(0.05)
        await a.leave(raw)
        a.note("cut", raw)


async def reset(a: Attacker) -> None:
    """Resets in every phase: connected, head, body, first byte of the answer, in it, behind it, in a tunnel."""
    phase = a.dice.randrange(7)
    async with a.raw(receive_buffer=4096) as raw:
        if phase == 1:
            await raw.send(GET[:20])
        elif phase == 2:
            await raw.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 5000)
        elif phase in (3, 4):
            await raw.send(b"GET /soak?size=3000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            for _ in range(1 if phase == 3 else 20):
                await raw.receive()
        elif phase == 5:
            await raw.send(GET)
            await raw.receive()
        elif phase == 6:
            await raw.send(WEBSOCKET)
            await raw.receive()
            await raw.send(b"\x82\xfe\xff\xff")
        raw.reset()
        a.note(f"reset {phase}", raw)


async def half_open(a: Attacker) -> None:
    """The sending side is closed, in one of several places; the rest is waited for."""
    data = a.dice.choice(
        (b"", GET[:20], GET, GET + GET, CHUNKED, WEBSOCKET, b"GET /soak?size=200000 HTTP/1.1\r\nHost: a\r\n\r\n")
    )
    async with a.raw() as raw:
        await raw.send(data)
        raw.finish()
        a.note("half-open", raw, await raw.rest(PATIENCE))


async def pipeliner(a: Attacker) -> None:
    """Dozens of requests at once, and gone before, between or without their answers."""
    async with a.raw() as raw:
        await raw.send(
            b"".join(a.dice.choices((GET, WEBSOCKET, b"GET /soak?size=20000 HTTP/1.1\r\nHost: a\r\n\r\n"), k=50))
        )
        if a.dice.random() < 0.5:
            await raw.receive(a.dice.choice((1, 1000, 60000)))
        await a.leave(raw)
        a.note("pipeliner", raw)


async def huge_head(a: Attacker) -> None:
    """A line, a field, many fields, or many lines of one that are too much."""
    data = a.dice.choice(
        (
            b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"y" * 8000 + b"\r\n") * 100,
            b"\r\n" * 100_000,
        )
    )
    async with a.raw() as raw:
        try:
            await raw.send(data)
        finally:
            first = await raw.rest(PATIENCE)
            a.note("huge head", raw, first)
        if not first.startswith((b"HTTP/1.1 414 ", b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")):
            a.ledger.saw("huge head", f"{first[:60]!r}")


async def cookies(a: Attacker) -> None:
    """64 KiB of cookies, which is too much, or 28, which is not; ours among them, a thousand times."""
    many, ours = a.dice.choice((8, 3)), a.dice.random() < 0.5
    line = (b"stick=%08x; " if ours else b"c%07x=1; ") * 640
    lines = b"".join(
        b"Cookie: " + line % tuple(a.dice.randrange(1 << 28) for _ in range(640)) + b"\r\n" for _ in range(many)
    )
    async with a.raw() as raw:
        try:
            await raw.send(b"GET /cookies HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
        finally:
            first = await raw.rest(0.5)
            a.note(f"cookies, {many} lines", raw, first)


async def tunnel(a: Attacker) -> None:
    """Garbage in a tunnel, or nothing at all."""
    async with a.raw() as raw:
        await raw.send(WEBSOCKET)
        await raw.receive()
        for _ in range(a.dice.randrange(20)):
            await raw.send(a.dice.randbytes(a.dice.choice((1, 100, 10_000))))
        await a.leave(raw)
        a.note("tunnel", raw)


async def bad_backend(a: Attacker) -> None:
    """Ask a backend that does something wrong: every method, with bodies that it does not wait for."""
    name = a.dice.choice(list(BEHAVIOURS))
    where = a.dice.choice((b"/bad/" + name.encode(), b"/bad/" + name.encode(), b"/first/x", b"/closing/x", b"/dead/x"))
    head = a.dice.choice((b"GET", b"GET", b"POST", b"HEAD", b"DELETE")) + b" " + where + b" HTTP/1.1\r\nHost: a\r\n"
    body = a.dice.choice(
        (b"\r\n", b"\r\n", b"Content-Length: 5\r\n\r\nhello", b"Content-Length: 90000\r\n\r\n" + b"x" * 70000)
    )
    async with a.raw() as raw:
        await raw.send(head + body)
        first = await raw.rest(a.dice.choice((0.1, 0.5, 8.0)))
        await a.leave(raw)
        a.note(f"backend: {name if where.startswith(b'/bad') else where.decode()}", raw, first)


ATTACKS: dict[Callable[[Attacker], Awaitable[None]], float] = {
    refused: 8,
    mutated: 8,
    cut: 5,
    reset: 4,
    half_open: 2,
    pipeliner: 2,
    huge_head: 1,
    cookies: 1,
    tunnel: 1,
    bad_backend: 8,
}
"""With how often each is chosen."""
