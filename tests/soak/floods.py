"""What clients do too slowly, too much, or not at all: attacks that last, or that are large."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from soak.attacks import BEHIND, CHUNKED, GET, PATIENCE, Attacker

LAST = 15.0  # seconds that a slow one lasts, unless it is let go sooner


@contextlib.asynccontextmanager
async def bounded(seconds: float = LAST):
    """Ends silently when the time is over, or when the other side has had enough."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(seconds):
            yield


async def slow_head(a: Attacker) -> None:
    """A byte every half second, until somebody loses patience."""
    async with a.raw() as raw:
        async with bounded():
            await raw.send_slowly(
                (b"GET / HTTP/1.1\r\nHost: a\r\nX-%04d: y\r\n"[at : at + 1] for at in range(100)), 0.5
            )
        a.note("slow head", raw, await raw.rest(0.1))


async def slow_body(a: Attacker) -> None:
    """The same with a body, whose time-out is between bytes."""
    async with a.raw() as raw:
        async with bounded():
            await raw.send(b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n")
            await raw.send_slowly([b"x"] * a.dice.choice((5, 100)), 0.3)
            await raw.rest(LAST)
        a.note("slow body", raw)
        await a.leave(raw)


async def slow_reader(a: Attacker) -> None:
    """A large answer, in small sips."""
    async with a.raw(receive_buffer=4096) as raw:
        async with bounded():
            await raw.send(b"GET /soak?size=2000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            while await raw.receive(2000):
                await asyncio.sleep(0.1)
        a.note("slow reader", raw)
        await a.leave(raw)


async def never_reads(a: Attacker) -> None:
    """Large answers, small ones, our own, or a tunnel's, ordered and not taken."""
    own = b"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n" * 20000
    order = a.dice.choice((b"GET /soak?size=8000000 HTTP/1.1\r\nHost: a\r\n\r\n", GET * 2000, own))
    async with a.raw(receive_buffer=4096) as raw:
        async with bounded():
            await raw.send(order)
            await asyncio.sleep(LAST)
        if a.dice.random() < 0.5:
            raw.reset()
        a.note("never reads", raw)


async def many_chunks(a: Attacker) -> None:
    """Bodies of one-byte chunks: mostly a hundred thousand, now and then a million."""
    count = a.dice.choice((100_000, 100_000, 100_000, 1_000_000))
    async with a.raw() as raw:
        async with bounded(60.0):
            await raw.send(CHUNKED)
            for _ in range(count // 10_000):
                await raw.send(b"1\r\nx\r\n" * 10_000)
                await asyncio.sleep(0.01)
            await raw.send(b"0\r\n\r\n")
        first = await raw.rest(PATIENCE)
        a.note("many chunks", raw, first)
        if not first.startswith(b"HTTP/1.1 200 "):
            a.ledger.saw("many chunks", f"{first[:60]!r}")


async def flood(a: Attacker) -> None:
    """Hundreds of connections at once, with nothing, a part of a head, or a request; and then all are gone at once."""
    what = a.dice.choice((b"", GET[:30], GET, GET + BEHIND[:10]))
    async with contextlib.AsyncExitStack() as stack:
        raws = []
        for _ in range(300):
            raws.append(await stack.enter_async_context(a.raw()))
            await raws[-1].send(what)
        await asyncio.sleep(a.dice.choice((0.1, 2.0)))
        for raw in raws:
            if a.dice.random() < 0.5:
                raw.reset()
        a.note("flood", raws[0])


FLOODS: dict[Callable[[Attacker], Awaitable[None]], float] = {
    slow_head: 5,
    slow_body: 5,
    slow_reader: 5,
    never_reads: 4,
    many_chunks: 1,
    flood: 1,
}
"""With how often each is chosen."""
