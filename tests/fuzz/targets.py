"""What is fuzzed: functions from bytes to nothing that raise AssertionError when a promise is broken.

`test_relay.py` feeds them from hypothesis in every run of the tests, `guided.py` from libFuzzer. The first byte of a
conversation says how often it is cut, the next ones where.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptools

import twin.cookie
import twin.h1
from faststicky.core import _cookie, _h1
from fuzz import reading
from fuzz.conversation import COOKIE, Client, World

MOST_CUTS = 7
Converse = Callable[[bytes], None]


def cut(data: bytes) -> list[bytes]:
    """Pieces of data[1 + n:], n = data[0] % 8; each of the n bytes before it places a cut, in 256ths."""
    if not data:
        return []
    count = data[0] % (MOST_CUTS + 1)
    places, data = data[1 : 1 + count], data[1 + count :]
    cuts = sorted(place * len(data) // 255 for place in places)
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def request_conversation(world: World, pieces: list[bytes]) -> list[reading.Request]:
    """Any bytes from a client. What the twin reads in them arrives, once, in order, in one reading, and is answered;
    nothing else does. Returns what was read."""
    expected, end, last = reading.twin_requests(b"".join(pieces))
    methods = [request.method for request in expected]
    # a refused message has an answer, too
    read_as = methods + ([last] if end == "refused" else [])
    if end == "refused":
        pieces = [*pieces, b"\n"]  # a head in pieces is looked at again when a line ends, or when it has doubled

    def is_over(client: Client) -> bool:
        if client.ended:
            return True
        return end in ("idle", "more") and len(reading.h11_answers(client.received, methods, False)[0]) == len(methods)

    client = world.converse(pieces, is_over)
    assert not world.faults, world.faults
    assert client.ended == (end in ("refused", "closed")), f"{end}, and the connection is {client.ended=}"

    answers, rest = reading.h11_answers(client.received, read_as, client.ended)
    assert rest == b"", f"behind the answers: {rest!r}"
    assert len(answers) == len(read_as), f"{len(answers)} answers to {expected}, {end}"
    if end == "refused":
        assert 400 <= answers[-1].status < 600
    numbers = [answer.body for request, answer in zip(expected, answers, strict=False) if request.forwarded]
    for number, body in enumerate(numbers, 1):
        assert body in (b"answer %d\n" % number, b""), body

    assert world.probed == b"answer %d\n" % world.answers
    arrived: list[reading.Request] = []
    for backend in world.arrived:
        complete, ending, fields = reading.h11_requests(backend.received)
        assert ending != "more" or end != "idle", backend.received
        if all(request.method in KNOWN_METHODS for request in complete):
            listed = [(request.path, request.body) for request in complete]
            assert reading.llhttp_messages(httptools.HttpRequestParser, backend.received) == listed
        for name, value in [field for each in fields for field in each]:
            assert name != b"cookie" or twin.cookie.find(value, COOKIE) is None, value
        arrived += complete
    assert arrived.count(PROBED) == 1
    arrived.remove(PROBED)
    assert arrived == [request for request in expected if request.forwarded]
    return expected


PROBED = reading.Request(b"GET", b"/probe", b"")
KNOWN_METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"}
ASKED = b"%b /one HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /two HTTP/1.1\r\nHost: a\r\n\r\n"


def twin_answer(data: bytes, method: bytes, closed: bool) -> reading.Answer | None:
    """The final answer at the start of a backend's stream; None if there is no sound and complete one."""
    while True:
        try:
            head = twin.h1.response_head(data, method, max_line=32768, max_fields=256)
            if head is None or head["status"] == 101:
                return None
            data = data[head["length"] :]
            if head["status"] < 200:
                continue
            if head["framing"] == "close":
                return reading.Answer(head["status"], {}, data) if closed else None
            body = reading.twin_body(data, head)
        except twin.h1.H1Error:
            return None
        return None if body is None else reading.Answer(head["status"], {}, body[0])


def answer_conversation(world: World, pieces: list[bytes], method: bytes, close: bool) -> reading.Answer | None:
    """Any bytes from a backend. The client gets the answer that the twin reads in them, or 502, or a cut; and never a
    byte of them in answer to its next request. Returns what was read."""
    data = b"".join(pieces)
    expected = twin_answer(data, method, close)
    if expected is None and not close:  # otherwise everybody would wait for the rest
        close = True
        expected = twin_answer(data, method, close)
    methods = [method, b"GET"]

    def is_over(client: Client) -> bool:
        return client.ended or len(reading.h11_answers(client.received, methods, False)[0]) == 2

    client = world.converse([ASKED % method + NEXT], is_over, (pieces, close))
    assert not world.faults, world.faults
    assert world.probed == b"answer %d\n" % world.answers
    answers, rest = reading.h11_answers(client.received, methods, client.ended and not client.reset)
    if b"HEAD" not in methods:
        read = reading.llhttp_messages(httptools.HttpResponseParser, client.received) if not rest else None
        bodies = [(b"", answer.body) for answer in answers]
        assert read is None or [pair for pair in read if pair[1] or answers] == bodies or interim(data), read
    if len(answers) == 2:
        assert answers[1].status == 200, answers
        assert answers[1].body.startswith(b"answer "), answers
    if expected is not None:
        assert answers, (client.received, expected)
        assert (answers[0].status, answers[0].body) == (expected.status, expected.body)
    elif answers and answers[0].status != 502:
        assert answers[0].body == (b"" if method == b"HEAD" else b"answer 2\n"), answers  # tried again
    return expected


def interim(data: bytes) -> bool:
    return data.startswith(b"HTTP/1.") and data[9:10] == b"1"


# ---------------------------------------------------------------- the parser alone


def result(function: Any, *arguments: Any, **options: Any) -> Any:
    """A comparable outcome: what is returned, or status and code of the refusal."""
    try:
        return function(*arguments, **options)
    except (_h1.H1Error, twin.h1.H1Error) as error:
        return error.status, error.code  # type: ignore[union-attr]


def same_head(data: bytes) -> None:
    """Request and answer heads as the twin reads them."""
    assert result(_h1.request_head, data) == result(twin.h1.request_head, data)
    assert result(_h1.response_head, data) == result(twin.h1.response_head, data)
    assert result(_h1.response_head, data, b"HEAD") == result(twin.h1.response_head, data, b"HEAD")


def same_chunks(data: bytes) -> None:
    """A chunked body in pieces as the twin reads it."""
    core, other = _h1.ChunkedBody(), twin.h1.ChunkedBody()
    for piece in cut(data):
        outcome = result(core.feed, piece)
        assert outcome == result(other.feed, piece)
        assert core.done == other.done
        if core.done or isinstance(outcome[0], int):
            break
    assert not core.done or core.trailers == other.trailers


def same_cookies(data: bytes) -> None:
    """NAME, a NUL, the field's value."""
    name, _, value = data.partition(b"\0")
    if name and all(0x21 <= byte < 0x7F and byte not in b"=;," for byte in name):
        assert _cookie.find(value, name) == twin.cookie.find(value, name)
        assert _cookie.strip(value, name) == twin.cookie.strip(value, name)
