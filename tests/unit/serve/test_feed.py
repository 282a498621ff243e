from __future__ import annotations

import asyncio

from faststicky.serve.feed import BEHIND, LIMIT, Feed, message


def test_a_message_on_the_wire():
    assert message("event", {"text": "a\nb"}) == b'event: event\ndata: {"text":"a\\nb"}\n\n'


def test_everybody_hears_and_who_cannot_follow_is_let_go():
    async def run() -> None:
        feed = Feed()
        feed.send("numbers", 0)
        quick, slow = feed.join(), feed.join()
        assert quick is not None
        assert slow is not None
        for number in range(BEHIND + 1):
            feed.send("numbers", number)
            assert await quick.next() == message("numbers", number)
        assert await slow.next() is None
        feed.leave(quick)
        assert not feed.is_watched

    asyncio.run(run())


def test_there_is_a_limit_and_an_end():
    async def run() -> None:
        feed = Feed()
        listeners = [feed.join() for _ in range(LIMIT)]
        assert feed.join() is None
        feed.leave(listeners[0])  # type: ignore[arg-type]
        last = feed.join()
        assert last is not None
        feed.send("numbers", 1)
        feed.close()
        assert await last.next() is None
        assert feed.join() is None

    asyncio.run(run())
