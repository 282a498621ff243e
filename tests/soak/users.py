"""Users that do nothing wrong. Whatever is not exactly the answer to their own request, from their own backend, is harm."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import h11
import websockets
from websockets.asyncio.client import connect

from patience import seconds
from soak.good_backend import content, digest, event
from soak.ledger import Ledger

PATIENCE = seconds(30.0)  # seconds for one exchange, on a machine that may be busy with other things
COOKIE = "stick"
SIZES = [0, 10, 10, 100, 1000, 1000, 20_000, 20_000, 200_000, 1_000_000]
UPLOADS = [0, 5, 1000, 30_000, 300_000]
_numbers = itertools.count(1)


class HarmError(Exception):
    """What a user has to complain about."""


@dataclass
class Answer:
    status: int
    fields: dict[str, str]
    cookies: list[str]
    body: bytes


class Link:
    """One connection, read by h11: stricter than most browsers. Nothing is asked for twice."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._h11 = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, address: tuple[str, int]) -> Link:
        return cls(*await asyncio.open_connection(*address))

    @property
    def is_open(self) -> bool:
        """False if the last answer was the last one."""
        return self._h11.our_state is h11.IDLE

    async def ask(
        self, method: str, target: str, fields: Sequence[tuple[str, str]], parts: AsyncIterator[bytes] | None = None
    ) -> Answer:
        """One exchange; `parts`: the request's body."""
        await self._send(h11.Request(method=method, target=target, headers=[("Host", "soak.test"), *fields]))
        if parts is not None:
            async for part in parts:
                await self._send(h11.Data(data=part))
        await self._send(h11.EndOfMessage())
        return await self._answer()

    async def _send(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _answer(self) -> Answer:
        answer, body = None, []
        while True:
            got = self._h11.next_event()
            if got is h11.NEED_DATA:
                self._h11.receive_data(await self._reader.read(1 << 18))
            elif isinstance(got, h11.Response):
                pairs = [(name.decode(), value.decode("latin-1")) for name, value in got.headers]
                cookies = [value for name, value in pairs if name == "set-cookie"]
                answer = Answer(got.status_code, dict(pairs), cookies, b"")
            elif isinstance(got, h11.Data):
                body.append(bytes(got.data))
            elif isinstance(got, h11.EndOfMessage):
                break
        assert answer is not None
        answer.body = b"".join(body)
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        return answer

    async def close(self) -> None:
        self._writer.close()


async def in_parts(body: bytes, step: int, pause: float) -> AsyncIterator[bytes]:
    for at in range(0, len(body), step):
        yield body[at : at + step]
        if pause:
            await asyncio.sleep(pause)


class User:
    """One person with a cookie jar, from the first visit to the last.

    core: names of the backends that never leave the table: whoever is on one of them stays there.
    """

    def __init__(self, address: tuple[str, int], ledger: Ledger, dice: random.Random, core: frozenset[str]) -> None:
        self._address, self._ledger, self._dice, self._core = address, ledger, dice, core
        self.name = f"user-{next(_numbers)}"
        self.backend = ""
        self._cookie = ""
        self._asked = 0
        self._kind = ""

    async def visit(self, pause: float, stop: asyncio.Event) -> None:
        """Some requests of every kind, `pause` seconds apart. Harm goes into the ledger, and ends the visit."""
        self._ledger.users += 1
        try:
            for _ in range(self._dice.randint(1, 6)):
                if stop.is_set():
                    return
                await self._session(pause, stop)
        except HarmError as error:
            self._ledger.harmed(self._kind, f"{self.name}: {error}")
        except TimeoutError:
            self._ledger.harmed(self._kind, f"{self.name}: nothing for {PATIENCE} seconds")
        except (OSError, h11.ProtocolError, websockets.WebSocketException) as error:
            self._ledger.harmed(self._kind, f"{self.name}: {type(error).__name__}: {error}")

    async def _session(self, pause: float, stop: asyncio.Event) -> None:
        """Several requests on a kept connection, or one of another kind."""
        kind = self._dice.random()
        if kind < 0.04:
            return await self._websocket(pause)
        if kind < 0.08:
            return await self._events()
        async with asyncio.timeout(PATIENCE):
            link = await Link.open(self._address)
        try:
            for _ in range(1 if kind < 0.3 else self._dice.randint(2, 12)):
                async with asyncio.timeout(PATIENCE):
                    await self._exchange(link, last=kind < 0.2)
                if not link.is_open or stop.is_set():
                    break
                await asyncio.sleep(self._dice.expovariate(1 / pause))
        finally:
            await link.close()
        return None

    async def _exchange(self, link: Link, last: bool) -> None:
        """GET or POST, small or large, with a length or in chunks."""
        size, mode = self._dice.choice(SIZES), self._dice.choice(("length", "chunked"))
        fields = self._fields() + ([("Connection", "close")] if last else [])
        target = f"/soak?size={size}&mode={mode}"
        if self._dice.random() < 0.6:
            self._kind = f"GET, {mode} answer"
            answer, sent = await link.ask("GET", target, fields), b""
        else:
            sent = self._dice.randbytes(self._dice.choice(UPLOADS))
            framing = self._dice.choice(("length", "chunked"))
            self._kind = f"POST, {framing} upload"
            fields.append(("Content-Length", str(len(sent))) if framing == "length" else ("Transfer-Encoding", framing))
            parts = in_parts(sent, self._dice.choice((1000, 65536)), 0.0 if len(sent) > 5000 else 0.01)
            answer = await link.ask("POST", target, fields, parts)
        self._check(answer.status, answer.fields, answer.cookies)
        if answer.fields.get("x-digest") != digest(sent):
            raise HarmError(f"the backend got another body than the {len(sent)} bytes sent")
        self._compare(answer.body, content(self.backend, self._token, size))

    async def _events(self) -> None:
        self._kind = "server-sent events"
        count, every = self._dice.randint(2, 12), self._dice.choice((0.05, 0.3))
        async with asyncio.timeout(PATIENCE):
            link = await Link.open(self._address)
            try:
                answer = await link.ask("GET", f"/soak/events?count={count}&every={every}", self._fields())
            finally:
                await link.close()
        self._check(answer.status, answer.fields, answer.cookies)
        self._compare(answer.body, b"".join(event(self.backend, self._token, number) for number in range(count)))

    async def _websocket(self, pause: float) -> None:
        self._kind = "WebSocket"
        url = f"ws://{self._address[0]}:{self._address[1]}/soak/echo"
        async with connect(url, additional_headers=self._fields(), compression=None, open_timeout=PATIENCE) as socket:
            assert socket.response is not None
            headers = socket.response.headers
            fields = {name.lower(): value for name, value in headers.raw_items()}
            self._check(socket.response.status_code, fields, headers.get_all("Set-Cookie"))
            for _ in range(self._dice.randint(1, 20)):
                message = self._dice.randbytes(self._dice.choice((0, 1, 100, 5000, 100_000)))
                async with asyncio.timeout(PATIENCE):
                    await socket.send(message)
                    echo = await socket.recv()
                self._compare(echo if isinstance(echo, bytes) else b"text", self.backend.encode() + b" " + message)
                self._ledger.requests["WebSocket message"] += 1
                await asyncio.sleep(self._dice.expovariate(1 / pause))

    def _fields(self) -> list[tuple[str, str]]:
        """Of the next request."""
        self._asked += 1
        self._token = f"{self.name}.{self._asked}"
        return [
            ("X-Token", self._token),
            *([("Cookie", f"theme=dark; {COOKIE}={self._cookie}")] if self._cookie else []),
        ]

    def _check(self, status: int, fields: dict[str, str], cookies: Sequence[str]) -> None:
        """Status, whose answer it is, whose backend's it is, and what became of the cookie."""
        if status not in (200, 101):
            raise HarmError(f"status {status}")
        if fields.get("x-token") != self._token:
            raise HarmError(f"somebody else's answer: {fields.get('x-token')}, asked with {self._token}")
        backend = fields.get("x-backend", "")
        ours = [each.partition(";")[0].partition("=")[2] for each in cookies if each.startswith(f"{COOKIE}=")]
        if self.backend and not ours and backend != self.backend:
            raise HarmError(f"answered by {backend}, has been on {self.backend}")
        if self.backend in self._core and ours:
            raise HarmError(f"moved from {self.backend} to {backend}")
        if not self.backend and len(ours) != 1:
            raise HarmError(f"{len(ours)} cookies with the first answer")
        self._ledger.moved += bool(self.backend and ours)
        self._cookie = ours[0] if ours else self._cookie
        self.backend = backend
        self._ledger.requests[self._kind] += 1

    def _compare(self, found: bytes, wanted: bytes) -> None:
        if found != wanted:
            raise HarmError(f"{len(found)} bytes for {len(wanted)}: {found[:80]!r} for {wanted[:80]!r}")
