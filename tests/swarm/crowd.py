"""A crowd of users at a constant rate: kept and fresh connections, GET and POST, short answers and long ones.

    with Crowd(lab, nodes=(1, 2), each=30) as crowd:
        ...                                    # move the Swarm
    assert crowd.complaints == []
    assert crowd.longest < 2

Every user keeps its cookie, and remembers who answered. Whatever is not an answer of 200 is a complaint, on whichever
connection: a proxy has to say beforehand that a connection ends.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field

from .lab import Lab
from .users import Asking

PATIENCE = 15.0  # seconds for an answer
LONG = 0.7  # seconds that a long answer takes
BODY = b"x" * 3000


@dataclass(frozen=True)
class Request:
    """method, path, and whether its connection is its own."""

    method: str
    path: str
    fresh: bool = False

    def head(self, host: str, cookie: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"Cookie: {cookie}"] if cookie else []
        lines += ["Connection: close"] if self.fresh else []
        lines += [f"Content-Length: {len(BODY)}"] if self.method == "POST" else []
        return "\r\n".join([*lines, "", ""]).encode() + (BODY if self.method == "POST" else b"")


HABITS = (
    *[Request("GET", "/")] * 5,
    *[Request("POST", "/form")] * 2,
    Request("GET", "/", fresh=True),
    Request("POST", "/form", fresh=True),
    Request("GET", f"/slow?ms={int(LONG * 1000)}"),
)


@dataclass
class Answer:
    """What came of a request; status 0: none, and `who` says what happened instead. began: monotonic seconds."""

    began: float
    took: float
    request: Request
    status: int
    who: str
    node: int


@dataclass
class User:
    """One browser."""

    node: int
    address: str
    port: int = 8080
    cookie: str = ""
    answers: list[Answer] = field(default_factory=list)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def moves(self) -> int:
        """How often another task answered than the time before."""
        return len(self.path) - 1

    @property
    def path(self) -> list[str]:
        """Who answered, one after the other."""
        return [who for who, _ in itertools.groupby(each.who for each in self.answers if each.status == 200)]

    async def ask(self, request: Request) -> None:
        began = time.monotonic()
        try:
            status, who = await asyncio.wait_for(self._exchange(request), PATIENCE)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            status, who = 0, type(error).__name__
            self.close()
        self.answers.append(Answer(began, time.monotonic() - began, request, status, who, self.node))

    async def _exchange(self, request: Request) -> tuple[int, str]:
        if request.fresh or (self._streams is not None and self._streams[0].at_eof()):
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.address, self.port)
        reader, writer = self._streams
        writer.write(request.head(self.address, self.cookie))
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        for name, value in fields:
            if name == "set-cookie":
                self.cookie = value.partition(";")[0]
        body = await reader.readexactly(int(dict(fields)["content-length"]))
        if ("connection", "close") in [(name, value.lower()) for name, value in fields]:
            self.close()
        return int(first.split()[1]), body.decode().strip()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Crowd(Asking):
    """`each` users of each of these nodes, asking `rate` times a second each, for as long as the block lasts."""

    def __init__(self, lab: Lab, *, nodes: tuple[int, ...], each: int, rate: float = 4.0, port: int = 8080) -> None:
        super().__init__(lab)
        self.users = [User(node, lab.address(node), port) for node in nodes for _ in range(each)]
        self._rate = rate

    def _ask(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        await asyncio.gather(*(self._live(user) for user in self.users))

    async def _live(self, user: User) -> None:
        await asyncio.sleep(random.random() / self._rate)
        while not self._stop.is_set():
            began = time.monotonic()
            await user.ask(random.choice(HABITS))
            await asyncio.sleep(max(0.0, began + 1 / self._rate - time.monotonic()))
        user.close()
        await asyncio.sleep(0)

    @property
    def answers(self) -> list[Answer]:
        """Everybody's, in order of their beginning."""
        return sorted((answer for user in self.users for answer in user.answers), key=lambda each: each.began)

    @property
    def complaints(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 200]

    @property
    def longest(self) -> float:
        """Seconds that the proxy added to a request at most, as far as one can tell from outside."""
        return self.longest_since(0.0)

    def longest_since(self, at: float) -> float:
        """The same from that moment (monotonic) on: of a long answer that a fault cuts short and another task gives anew, what
        was done before the fault is lost, and no wait."""
        waits = (
            each.began + each.took - max(each.began, at) - (LONG if each.request.path.startswith("/slow") else 0)
            for each in self.answers
        )
        return max(waits)

    def __str__(self) -> str:
        """In one line, for a report."""
        moves = [user.moves for user in self.users]
        return (
            f"{len(self.users)} users, {len(self.answers)} requests, {len(self.complaints)} failed, longest wait "
            f"{self.longest:.2f} s, moves {sum(moves)} ({', '.join(f'{moves.count(n)} x {n}' for n in sorted(set(moves)))})"
        )
