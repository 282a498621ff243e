"""What is told to whom."""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import pytest

from faststicky.address import Address
from faststicky.discovery import feed_wire
from faststicky.discovery.feed_wire import FeedKey
from faststicky.errors import ConfigError
from faststicky.serve import feed_server
from faststicky.serve.feed_server import Challenges, FeedServer
from patience import seconds
from unit.control.worlds import backend, service, snapshot

KEY, OTHER = FeedKey(b"k" * 32), FeedKey(b"o" * 32)
ONE, TWO = snapshot(service(backend("a"))), snapshot(service(backend("a"), backend("b")))
PATIENCE = seconds(60.0)


def test_a_challenge_is_good_once_and_for_a_while():
    now = [100.0]
    challenges = Challenges(lambda: now[0])
    first, second = challenges.new(), challenges.new()
    assert first != second
    assert challenges.is_good(first)
    challenges.use(first)
    assert not challenges.is_good(first)
    assert challenges.is_good(second)
    now[0] += feed_server.CHALLENGE_LIFE + 1
    assert not challenges.is_good(second)
    third = challenges.new()
    challenges.use(third)
    assert list(challenges._used) == [third]  # what is too old is not kept


@pytest.mark.parametrize("text", ["", ":", "a:b:c", "999999999.0:ab:cd", "nan:x:y"])
def test_a_challenge_that_is_not_ours(text):
    assert not Challenges().is_good(text)


class World:
    def __init__(self) -> None:
        self.refusal = ""

    @contextlib.asynccontextmanager
    async def serving(self, *keys: FeedKey):
        server = FeedServer(Address("127.0.0.1", 0), keys or (KEY,), lambda: self.refusal)
        await server.start()
        url = f"http://{server.address}/feed"
        try:
            async with aiohttp.ClientSession() as session:
                yield server, Client(session, url)
        finally:
            await server.stop()


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, after: str = "", authorization: str = "") -> tuple[int, bytes, dict[str, str]]:
        headers = {"Authorization": authorization} if authorization else {}
        async with asyncio.timeout(PATIENCE), self.session.get(f"{self.url}?after={after}", headers=headers) as answer:
            return answer.status, await answer.read(), dict(answer.headers)

    async def challenge(self) -> str:
        return (await self.get())[2][feed_wire.CHALLENGE]

    async def ask(self, after: str = "", key: FeedKey = KEY) -> tuple[int, bytes]:
        challenge = await self.challenge()
        status, body, headers = await self.get(after, feed_wire.authorization(key, challenge, "n1", after))
        if status in (200, 204):
            assert headers[feed_wire.MAC] == key.of_answer("n1", status, headers[feed_wire.CHALLENGE], body)
        return status, body


def run(test) -> None:
    async def main() -> None:
        world = World()
        async with world.serving() as (server, client):
            await test(world, server, client)

    asyncio.run(main())


def test_who_knows_the_key_is_told_at_once():
    async def test(world, server, client):
        server.publish(ONE)
        assert await client.ask() == (200, feed_wire.encode(ONE))

    run(test)


def test_a_change_is_told_to_all_who_wait():
    async def test(world, server, client):
        server.publish(ONE)
        after = feed_wire.digest(feed_wire.encode(ONE))
        waiting = [asyncio.ensure_future(client.ask(after)) for _ in range(5)]
        while server._waiting < 5:
            await asyncio.sleep(0.01)
        server.publish(ONE)  # the same is no news
        await asyncio.sleep(0.05)
        assert not any(one.done() for one in waiting)
        server.publish(TWO)
        assert await asyncio.gather(*waiting) == [(200, feed_wire.encode(TWO))] * 5

    run(test)


def test_nothing_new_is_said_after_a_while(monkeypatch):
    monkeypatch.setattr(feed_wire, "WAIT", 0.1)

    async def test(world, server, client):
        server.publish(ONE)
        assert await client.ask(feed_wire.digest(feed_wire.encode(ONE))) == (204, b"")

    run(test)


def test_a_first_table_is_waited_for(monkeypatch):
    async def test(world, server, client):
        waiting = asyncio.ensure_future(client.ask())
        while not server._waiting:
            await asyncio.sleep(0.01)
        server.publish(ONE)
        assert (await waiting)[0] == 200
        monkeypatch.setattr(feed_wire, "WAIT", 0.05)
        async with world.serving() as (_, other):
            assert await other.ask() == (503, b"it has no table yet\n")

    run(test)


def test_who_does_not_know_the_key_is_told_nothing():
    async def test(world, server, client):
        server.publish(ONE)
        assert await client.ask(key=OTHER) == (403, b"another key\n")
        challenge = await client.challenge()
        good = feed_wire.authorization(KEY, challenge, "n1", "")
        assert (await client.get("", good.replace("nonce=n1", "nonce=n2")))[0] == 403
        assert (await client.get("x", good))[0] == 403
        assert (await client.get("", good))[0] == 200
        assert (await client.get("", good))[0] == 401  # what somebody has seen is of no use
        for wrong in ("", "Basic abc", feed_wire.authorization(KEY, "1e9:a:b", "n", "")):
            status, body, headers = await client.get("", wrong)
            assert (status, feed_wire.MAC in headers) == (401, False)
            assert b"10.0.0" not in body

    run(test)


def test_each_of_two_keys_is_good():
    async def main() -> None:
        async with World().serving(KEY, OTHER) as (server, client):
            server.publish(ONE)
            assert (await client.ask(key=KEY))[0] == 200
            assert (await client.ask(key=OTHER))[0] == 200

    asyncio.run(main())


def test_one_that_should_not_be_followed_says_why_but_helps_who_has_nothing():
    async def test(world, server, client):
        server.publish(ONE)
        world.refusal = "its own source fails"
        assert await client.ask("abc") == (503, b"its own source fails\n")
        assert (await client.ask())[0] == 200
        world.refusal = "it is a follower itself"
        server.publish(None)
        assert await client.ask() == (503, b"it is a follower itself\n")

    run(test)


def test_when_it_stops_those_who_wait_are_sent_elsewhere():
    async def test(world, server, client):
        server.publish(ONE)
        waiting = asyncio.ensure_future(client.ask(feed_wire.digest(feed_wire.encode(ONE))))
        while not server._waiting:
            await asyncio.sleep(0.01)
        await server.stop()
        assert await waiting == (503, b"it is stopping\n")

    run(test)


def test_an_address_that_is_taken():
    async def test(world, server, client):
        with pytest.raises(ConfigError, match=r"--feed-listen: cannot listen on .*: the port is in use"):
            await FeedServer(server.address, (KEY,), lambda: "").start()

    run(test)
