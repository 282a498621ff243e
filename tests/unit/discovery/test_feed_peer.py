"""One peer, and what goes wrong with it."""

from __future__ import annotations

import socket
import threading

import pytest

from faststicky.discovery import feed_peer, feed_wire
from faststicky.discovery.feed_peer import Peer, PeerError
from unit.control.worlds import backend, service, snapshot
from unit.discovery.feeding import KEY, OTHER, origin

ONE = snapshot(service(backend("a")))


def peer(place: str, *keys) -> Peer:
    host, _, port = place.rpartition(":")
    return Peer(host, int(port), keys or (KEY,))


def test_questions_and_answers(monkeypatch):
    monkeypatch.setattr(feed_wire, "WAIT", 0.1)
    with origin(ONE) as running:
        asking = peer(running.place)
        try:
            body = asking.ask("")
            assert body == feed_wire.encode(ONE)
            for _ in range(3):
                assert asking.ask(feed_wire.digest(body)) is None
        finally:
            asking.close()


def test_the_previous_key_is_tried_too():
    with origin(ONE) as running:
        asking = peer(running.place, OTHER, KEY)
        assert asking.ask("") is not None
        asking.close()
        asking = peer(running.place, OTHER)
        with pytest.raises(PeerError, match="it has another key; give both the same secret"):
            asking.ask("")
        asking.close()


def test_a_refusal_is_passed_on():
    with origin(ONE) as running:
        running.refusal = "it is a follower itself"
        asking = peer(running.place)
        with pytest.raises(PeerError, match=r"^it is a follower itself$"):
            asking.ask("something")
        asking.close()


def answering(*answers: bytes):
    """A server that gives these answers on one connection and closes it."""
    server = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        with server, server.accept()[0] as client:
            for answer in answers:
                client.recv(65536)
                client.sendall(answer)

    thread = threading.Thread(target=talk)
    thread.start()
    return f"127.0.0.1:{server.getsockname()[1]}", thread


CHALLENGE = b"HTTP/1.1 401 No\r\nFaststicky-Challenge: c\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"], "not signed with our key"),
        ([b"HTTP/1.1 204 No\r\nFaststicky-Mac: abc\r\n\r\n"], "not signed with our key"),
        ([CHALLENGE, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"], "not signed with our key"),
        ([CHALLENGE] * 4, "refuses every challenge"),
        ([b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"], "it answers 404"),
        ([b"220 mail\r\n\r\n"], "220 mail|BadStatusLine"),
        ([], "Remote|reset|closed"),
    ],
)
def test_who_is_not_one_of_us(answers, says):
    place, thread = answering(*answers)
    asking = peer(place)
    try:
        with pytest.raises(PeerError, match=says):
            asking.ask("")
    finally:
        asking.close()
        thread.join()


def test_nobody_and_silence(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(feed_wire, "WAIT", 0.1)
        monkeypatch.setattr(feed_peer, "SILENCE", 0.1)
        asking = peer(place)
        with pytest.raises(PeerError, match="timed out"):
            asking.ask("")
        asking.close()
    asking = peer(place)
    with pytest.raises(PeerError, match="refused"):
        asking.ask("")
    asking.close()


def test_nothing_is_asked_of_one_that_is_closed():
    """It used to connect first, and left that connection open."""
    with origin(ONE) as running:
        for asked_before in (False, True):
            asking = peer(running.place)
            if asked_before:
                asking.ask("")
            asking.close()
            with pytest.raises(PeerError, match="closed"):
                asking.ask("")
            assert asking._connection.sock is None


def test_closing_ends_a_question():
    with origin(ONE) as running:
        asking = peer(running.place)
        body = asking.ask("")
        failed: list[PeerError] = []

        def ask() -> None:
            try:
                while asking.ask(feed_wire.digest(body)) is None:
                    pass
            except PeerError as error:
                failed.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        asking.close()
        thread.join(20)
        assert len(failed) == 1
