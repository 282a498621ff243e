"""The compiled parser against the plain-Python twin: same messages, same results, however the bytes are cut."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import twin.h1
from faststicky.core import _h1
from twin import messages

checked = settings(max_examples=700, derandomize=True, database=None)

LIMITS = {"max_head": st.integers(1, 200), "max_line": st.integers(1, 60), "max_fields": st.integers(0, 4)}
some_limits = st.just({}) | st.fixed_dictionaries({}, optional=LIMITS)

ANYWHERE = {
    "bad-target",
    "missing-host",
    "duplicate-host",
    "bad-host",
    "host-mismatch",
    "te-in-1.0",
    "cl-and-te",
    "bad-te",
    "unknown-coding",
    "duplicate-length",
    "bad-length",
    "unknown-expectation",
}
"""Codes of what is judged as a whole: their position is a hint to where it stands, not a certain byte."""


def refusal(error: Any, size: int) -> tuple[int, str, int | None]:
    assert 0 <= error.position <= size
    return error.status, error.code, None if error.code in ANYWHERE else error.position


def head(module: ModuleType, function: str, data: bytes, **options: Any) -> Any:
    """A dictionary, None, or what the refusal says."""
    try:
        return getattr(module, function)(data, **options)
    except module.H1Error as error:
        return refusal(error, len(data))


@checked
@given(messages.requests, some_limits)
def test_requests_like_the_twin(data: bytes, limits: dict[str, int]) -> None:
    assert head(_h1, "request_head", data, **limits) == head(twin.h1, "request_head", data, **limits)


@checked
@given(messages.responses, some_limits, st.sampled_from([b"GET", b"HEAD", b"POST"]))
def test_responses_like_the_twin(data: bytes, limits: dict[str, int], method: bytes) -> None:
    found = head(_h1, "response_head", data, method=method, **limits)
    assert found == head(twin.h1, "response_head", data, method=method, **limits)


@checked
@given(messages.requests | st.binary(max_size=40), some_limits, st.data())
def test_a_prefix_of_a_request_is_incomplete_or_refused_alike(data: bytes, limits: dict[str, int], draw: Any) -> None:
    whole = head(_h1, "request_head", data, **limits)
    prefix = data[: draw.draw(st.integers(0, len(data)))]
    found = head(_h1, "request_head", prefix, **limits)
    assert found == head(twin.h1, "request_head", prefix, **limits)
    if isinstance(whole, dict) and len(prefix) >= whole["length"]:
        assert found == whole
    elif isinstance(whole, tuple):
        assert found in (None, whole)
    else:
        assert found is None


def decoded(module: ModuleType, pieces: list[bytes], limits: dict[str, int]) -> Any:
    """Everything that a decoder says of these pieces."""
    body = module.ChunkedBody(**limits)
    said: list[Any] = []
    for piece in pieces:
        try:
            said.append(body.feed(piece))
        except module.H1Error as error:
            return said, (error.status, error.code, error.position)
        assert said[-1][1] == len(piece) or body.done
        said.append(body.done)
    return said, body.trailers if body.done else None


SMALL = {"max_trailer": st.integers(0, 40), "max_extensions": st.integers(0, 12)}


@checked
@given(messages.chunked, st.just({}) | st.fixed_dictionaries({}, optional=SMALL), st.data())
def test_chunked_bodies_like_the_twin_in_any_pieces(data: bytes, limits: dict[str, int], draw: Any) -> None:
    pieces = draw.draw(messages.pieces(data))
    assert decoded(_h1, pieces, limits) == decoded(twin.h1, pieces, limits)


@checked
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.binary(max_size=20), st.data())
def test_a_body_that_was_chunked_comes_out_again(chunks: list[bytes], rest: bytes, draw: Any) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    body = _h1.ChunkedBody()
    payload, used = b"", 0
    for piece in draw.draw(messages.pieces(data + rest)):
        found, taken = body.feed(piece)
        payload += found
        used += taken
    assert (payload, used, body.done, body.trailers) == (b"".join(chunks), len(data), True, [])


def test_the_codes_of_the_core_are_those_of_the_twin() -> None:
    """A code that only one of them knows would be a refusal that nobody has described."""
    assert dict(_h1.ERRORS[1:]) == {code: status for code, (status, _) in twin.h1.CODES.items()}
