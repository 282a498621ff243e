"""Good messages, changed in one or two places and cut anywhere, through the relay: one reading, no hang, nothing left.

mitmproxy fuzzes its proxy layers so. What the parser makes of single messages is compared in tests/unit/core; here it
is what arrives, and what the client is told. The same targets run under coverage guidance: `make fuzz`.
"""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from faststicky.core._relay import Relay
from faststicky.settings import RelayOptions
from fuzz import reading, targets
from fuzz.conversation import COOKIE, TASK, Client, World
from twin import messages
from wire.cases import Case, read_cases

thorough = settings(
    max_examples=2000,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # to make a conversation that hangs smaller takes minutes
    suppress_health_check=list(HealthCheck),
)
CASES = list(read_cases())
FOLLOWING = b"GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"
POISON = b"HTTP/1.1 200 poison\r\nContent-Length: 0\r\n\r\n"
BODIES = st.binary(max_size=40) | st.sampled_from([FOLLOWING, b"0\r\n\r\n", b"\r\n\r\n", b"x" * 20000])
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Cookie: a=1; %b=%b.x; b=2\r\n" % (COOKIE, TASK.encode()),
            b"Cookie: %b=unknown\r\ncookie: %b=\r\n" % (COOKIE, COOKIE),
            b"Connection: keep-alive, x-hop\r\nX-Hop: 1\r\n",
            b"Connection: close\r\n",
            b"Expect: 100-continue\r\n",
            b"Connection: upgrade\r\nUpgrade: websocket\r\n",
            b"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=x\r\n",
            b"TE: trailers\r\nKeep-Alive: timeout=1\r\n",
            b"X_Y: 1\r\nX: " + b"v" * 300 + b"\r\n",
            b"Max-Forwards: 0\r\n",
        ]
    ),
    max_size=3,
    unique=True,
).map(b"".join)


@st.composite
def framed(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Framing fields, and a body that they fit."""
    body = draw(BODIES)
    if draw(st.booleans()):
        return b"Content-Length: %d\r\n" % len(body), body
    step = draw(st.sampled_from([1, 7, 5000])) if len(body) < 1000 else 5000
    chunks = [body[at : at + step] for at in range(0, len(body), step)]
    extension = draw(st.sampled_from([b"", b"", b";a=b", b';a="b;c"']))
    trailer = draw(st.sampled_from([b"", b"", b"X: y\r\n", b"Content-Length: 5\r\n"]))
    wire = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return b"Transfer-Encoding: chunked\r\n", wire + b"0\r\n" + trailer + b"\r\n"


@st.composite
def one_request(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"]))
    target = draw(st.sampled_from([b"/", b"/a/b?c=d", b"//x", b"http://a/y", b"http://a?q"]))
    version = draw(st.sampled_from([b"1.1"] * 5 + [b"1.0"]))
    framing, body = draw(framed()) if draw(st.booleans()) and version == b"1.1" else (b"", b"")
    return method + b" " + target + b" HTTP/" + version + b"\r\nHost: a\r\n" + draw(FIELDS) + framing + b"\r\n" + body


@st.composite
def one_answer(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from([b"200 OK", b"404 Not Found", b"304 x", b"204 x", b"500 ", b"101 x"]))
    interim = draw(st.sampled_from([b""] * 4 + [b"HTTP/1.1 100 x\r\n\r\n", b"HTTP/1.1 103 x\r\nLink: y\r\n\r\n"]))
    version = draw(st.sampled_from([b"1.1"] * 5 + [b"1.0"]))
    framing, body = draw(framed()) if draw(st.integers(0, 3)) else (b"", draw(BODIES))
    fields = draw(
        st.sampled_from(
            [
                b"",
                b"Connection: close\r\n",
                b"Set-Cookie: %b=mine\r\nSet-Cookie: b=2\r\n" % COOKIE,
                b"Cache-Control: public\r\n",
            ]
        )
    )
    return interim + b"HTTP/" + version + b" " + status + b"\r\n" + fields + framing + b"\r\n" + body


requests = messages.mutated(st.lists(one_request(), min_size=1, max_size=3).map(b"".join)) | messages.requests
answers = messages.mutated(one_answer(), most=1) | messages.responses


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    gc.collect()
    assert Relay(world.loop, RelayOptions()).live()["tables"] == 0
    world.close()


@thorough
@given(data=st.data())
def test_requests(world: World, data: st.DataObject) -> None:
    stream = data.draw(requests) + data.draw(st.sampled_from([b"", FOLLOWING]))
    targets.request_conversation(world, data.draw(messages.pieces(stream)))


@thorough
@given(data=st.data(), method=st.sampled_from([b"GET", b"GET", b"HEAD", b"POST"]), close=st.booleans())
def test_answers(world: World, data: st.DataObject, method: bytes, close: bool) -> None:
    stream = data.draw(answers) + data.draw(st.sampled_from([b"", b"", POISON]))
    targets.answer_conversation(world, data.draw(messages.pieces(stream)), method, close)


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "request"], ids=lambda case: case.where)
def test_wire_requests(world: World, case: Case) -> None:
    """Every wire case, with another request behind it, in one piece and in many."""
    stream = case.data + FOLLOWING
    targets.request_conversation(world, [stream])
    step = 1 + len(stream) // 97
    targets.request_conversation(world, [stream[at : at + step] for at in range(0, len(stream), step)])


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "response"], ids=lambda case: case.where)
def test_wire_answers(world: World, case: Case, close: bool) -> None:
    method = case.options.get("method", "GET").encode()
    targets.answer_conversation(world, [case.data], method, close)


def test_the_good_ones_are_served(world: World) -> None:
    """Otherwise the tests above would show nothing."""
    for body in (b"", b"hello", b"x" * 200_000):
        sized = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        chunked = b"PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        expected = [reading.Request(b"POST", b"/a", body), reading.Request(b"PUT", b"/b", b"abc")]
        assert targets.request_conversation(world, [sized[:30], sized[30:] + chunked]) == expected
    answer = targets.answer_conversation(world, [b"HTTP/1.1 201 x\r\nContent-Length: 2\r\n\r\n", b"hi"], b"GET", False)
    assert answer == reading.Answer(201, {}, b"hi")


@pytest.mark.parametrize("turns", range(16))
def test_a_relay_that_is_closed_at_any_moment_leaves_nothing(world: World, turns: int) -> None:
    """In one of these turns the connection to the backend has just been made, and nobody was told."""
    world.arrived = []

    async def run() -> dict[str, int]:
        relay = Relay(world.loop, RelayOptions())
        before = relay.live()
        relay.publish(world.table())
        ours, theirs = socket.socketpair()
        client = Client()
        await world.loop.connect_accepted_socket(lambda: client, ours)
        await world.loop.connect_accepted_socket(relay.client, theirs)
        client.transport.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(turns):
            await asyncio.sleep(0)
        client.transport.abort()
        relay.close()
        for _ in range(100):
            await asyncio.sleep(0.001)
            left = {name: number for name, number in relay.live().items() if number != before[name]}
            if not left:
                break
        return left

    assert world.loop.run_until_complete(run()) == {}
