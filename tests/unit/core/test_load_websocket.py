"""WebSocket echoes: the load generator's clients against the built-in backend, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import pytest

from faststicky.core._load import Request, accept_of
from unit.core.load_runs import OK, Connected, against, against_stream, script, site

UPGRADE = Request(b"GET /ws HTTP/1.1\r\nHost: a\r\n", b"\r\n")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_echoes_of_every_size(size):
    message = hashlib.shake_128(b"seed").digest(size)
    taken = against(site(), UPGRADE, limit=12, connections=2, echo=message)
    assert (taken["requests"], taken["errors"], taken["connects"]) == (12, {}, 2)
    assert taken["answers"][1] == 2


def test_several_messages_under_way():
    taken = against(site(), UPGRADE, limit=200, connections=2, depth=8, echo=b"hello")
    assert (taken["requests"], taken["errors"]) == (200, {})


def test_the_accept_key_is_that_of_the_rfc():
    assert accept_of(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_server_without_websocket():
    taken = against_stream(script(OK), UPGRADE, limit=3, echo=b"x")
    assert (taken["requests"], taken["errors"]) == (0, {"upgrade": 3})


def websocket(*frames: bytes) -> Connected:
    """Accepts, and sends these at once."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = head.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r\n")[0]
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
        accept = b"Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: " + base64.b64encode(digest)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n" + accept + b"\r\n\r\n")
        for frame in frames:
            await reader.read(64)
            writer.write(frame)
        await reader.read()

    return answer


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ([b"\x82\x02hi"], (1, {})),
        ([b"\x89\x01p\x02\x01h\x80\x01i"], (1, {})),  # a ping, then the message in two frames
        ([b"\x82\x02ho"], (0, {"malformed": 1})),
        ([b"\x82\x03hiy"], (0, {"malformed": 1})),
        ([b"\x82\x01h"], (0, {"malformed": 1})),
        ([b"\x82\x82abcdhi"], (0, {"malformed": 1})),  # masked by a server
        ([b"\xf2\x02hi"], (0, {"malformed": 1})),
        ([b"\x89\x7e"], (0, {"malformed": 1})),  # a control frame of more than 125 bytes, before anything of it is kept
        ([b"\x8a\x7f" + b"\x7f" * 8], (0, {"malformed": 1})),
        ([b"\x88\x00"], (0, {"reset": 1})),
    ],
    ids=range(10),
)
def test_frames(frames, found):
    taken = against_stream(websocket(*frames), UPGRADE, limit=1, echo=b"hi")
    assert (taken["requests"], taken["errors"]) == found
