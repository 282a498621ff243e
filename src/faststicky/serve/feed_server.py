"""What proxies without access to the Swarm follow (`--feed-listen`): the table in force, told as it changes.

The words are in discovery/feed_wire.py. A question waits here until something has changed; then all that wait are
answered by the same bytes.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Sequence

from aiohttp import web

from faststicky.address import Address
from faststicky.discovery import feed_wire
from faststicky.discovery.feed_wire import FeedKey
from faststicky.model import Snapshot
from faststicky.serve.http_server import HttpServer, sign

log = logging.getLogger(__name__)

CHALLENGE_LIFE = 60.0  # seconds
MOST_WAITING = 4096  # questions at one time
HEADERS = {"Cache-Control": "no-store", "Server": "faststicky"}


class Challenges:
    """To be answered once, within a minute, by somebody who knows the key. Nothing is kept of those that are not."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, float] = {}  # until when it would have been good; the oldest first

    def new(self) -> str:
        """A new one."""
        text = f"{self._clock() + CHALLENGE_LIFE:.3f}:{secrets.token_hex(16)}"
        return f"{text}:{self._mac(text)}"

    def is_good(self, challenge: str) -> bool:
        """True if it is ours, not too old and not used."""
        text, _, mac = challenge.rpartition(":")
        if not text or not feed_wire.same(mac, self._mac(text)):
            return False
        return float(text.partition(":")[0]) >= self._clock() and challenge not in self._used

    def use(self, challenge: str) -> None:
        """It was answered with the right key."""
        now = self._clock()
        while self._used and next(iter(self._used.values())) < now:
            del self._used[next(iter(self._used))]
        self._used[challenge] = now + CHALLENGE_LIFE

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()[:32]


class FeedServer(HttpServer):
    """One listener. All methods are called on the event loop."""

    def __init__(self, address: Address, keys: Sequence[FeedKey], refusal: Callable[[], str]) -> None:
        """refusal: why followers that have a table had better ask somebody else, "" if they need not."""
        self._keys = {key.ident: key for key in keys}
        self._refusal = refusal
        self._challenges = Challenges()
        self._told: tuple[bytes, str] | None = None  # body and its digest
        self._news = asyncio.Event()
        self._waiting = 0
        self._closing = False
        app = web.Application()
        app.on_response_prepare.append(sign(HEADERS))
        app.router.add_get(feed_wire.PATH, self._answer)
        super().__init__(address, app, "--feed-listen", HEADERS)

    async def stop(self) -> None:
        """Everybody who waits is sent elsewhere."""
        self._closing = True
        self._wake()
        await super().stop()

    def publish(self, snapshot: Snapshot | None) -> None:
        """This is in force now; None: there is nothing to tell any more."""
        if snapshot is None:
            self._told = None
            return
        body = feed_wire.encode(snapshot)
        digest = feed_wire.digest(body)
        if self._told is None or self._told[1] != digest:
            self._told = body, digest
            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.Response:
        said = feed_wire.read_authorization(request.headers.get("Authorization", ""))
        after = request.query.get("after", "")
        if not said or not self._challenges.is_good(said["challenge"]):
            return self._plain(401, "prove that you know the key")
        key = self._keys.get(said["key"])
        if key is None or not feed_wire.same(said["mac"], key.of_request(said["challenge"], said["nonce"], after)):
            log.warning(
                "a follower has another key; give both the same secret faststicky_key (--key-file)",
                extra={"client": request.remote},
            )
            return self._plain(403, "another key")
        self._challenges.use(said["challenge"])
        await self._wait_for_news(after)
        refusal = "it is stopping" if self._closing else self._refusal()
        if self._told is None:
            return self._plain(503, refusal or "it has no table yet")
        if refusal and (after or self._closing):  # to who has nothing an old table is better than none
            return self._plain(503, refusal)
        body, digest = self._told
        status, body = (204, b"") if digest == after else (200, body)
        challenge = self._challenges.new()
        mac = key.of_answer(said["nonce"], status, challenge, body)
        headers = {feed_wire.CHALLENGE: challenge, feed_wire.MAC: mac}
        return web.Response(status=status, body=body, headers=headers, content_type="application/json")

    async def _wait_for_news(self, after: str) -> None:
        """Returns at once if there is something that the follower does not have."""
        if self._closing or self._refusal() or self._waiting >= MOST_WAITING:
            return
        if self._told is not None and self._told[1] != after:
            return
        self._waiting += 1
        try:
            async with asyncio.timeout(feed_wire.WAIT):
                await self._news.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting -= 1

    def _plain(self, status: int, text: str) -> web.Response:
        headers = {feed_wire.CHALLENGE: self._challenges.new()}
        return web.Response(status=status, text=text + "\n", headers=headers)
