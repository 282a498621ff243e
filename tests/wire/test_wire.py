"""Every case of the text files here, by twin and compiled core, whole, byte by byte and with bytes behind it."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import twin.cookie
import twin.h1
from faststicky.core import _cookie, _h1
from wire.cases import Case, read_cases

CASES = list(read_cases())
IMPLEMENTATIONS = {
    "twin": SimpleNamespace(h1=twin.h1, cookie=twin.cookie),
    "core": SimpleNamespace(h1=_h1, cookie=_cookie),
}
FOLLOWING = b"GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n"
MORE = "more"


def outcome_of(h1: ModuleType, case: Case, data: bytes) -> Any:
    """What came of a head: MORE, (status, code, position), or the dictionary."""
    options: dict[str, Any] = {name: int(value) for name, value in case.options.items() if name != "method"}
    try:
        if case.kind == "request":
            head = h1.request_head(data, **options)
        else:
            head = h1.response_head(data, case.options.get("method", "GET").encode(), **options)
    except h1.H1Error as error:
        return error.status, error.code, error.position
    return MORE if head is None else head


def check_refusal(case: Case, outcome: Any) -> None:
    assert isinstance(outcome, tuple), f"accepted: {outcome}"
    assert case.refused is not None
    status, code, position = case.refused
    assert outcome[:2] == (status, code)
    if position is not None:
        assert outcome[2] == position


def as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).lower().encode()


def check_values(case: Case, found: dict[str, Any], rest: bytes) -> None:
    found = {**found, "rest": rest}
    assert {name: as_bytes(found[name]) for name in case.values} == case.values
    if case.fields is not None:
        assert found["fields"] == case.fields


def check_head(case: Case, outcome: Any, data: bytes) -> None:
    if case.refused:
        check_refusal(case, outcome)
    elif case.more:
        assert outcome == MORE
    else:
        assert isinstance(outcome, dict), f"not accepted: {outcome}"
        check_values(case, outcome, data[outcome["length"] :])


def prefix_lengths(data: bytes) -> list[int]:
    """All of a short message; of a long one some hundred and the last ones."""
    if len(data) <= 512:
        return list(range(len(data)))
    return sorted({*range(0, len(data), len(data) // 256), *range(len(data) - 16, len(data))})


HEADS = [case for case in CASES if case.kind in ("request", "response")]
BODIES = [case for case in CASES if case.kind == "chunked"]
COOKIES = [case for case in CASES if case.kind == "cookie"]


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request: pytest.FixtureRequest) -> Any:
    return IMPLEMENTATIONS[request.param]


@pytest.mark.parametrize("case", HEADS, ids=lambda case: case.where)
def test_head_whole(case: Case, implementation: Any) -> None:
    check_head(case, outcome_of(implementation.h1, case, case.data), case.data)


@pytest.mark.parametrize("case", HEADS, ids=lambda case: case.where)
def test_head_byte_by_byte(case: Case, implementation: Any) -> None:
    """No prefix may be taken for a complete message that it is not, or be refused for another reason than the whole."""
    whole = outcome_of(implementation.h1, case, case.data)
    length = whole["length"] if isinstance(whole, dict) else len(case.data) + 1
    for size in prefix_lengths(case.data):
        outcome = outcome_of(implementation.h1, case, case.data[:size])
        if size >= length:
            assert outcome == whole
        elif isinstance(whole, dict):
            assert outcome == MORE
        else:
            assert outcome in (MORE, whole)


@pytest.mark.parametrize("case", [case for case in HEADS if not case.more], ids=lambda case: case.where)
def test_head_with_bytes_behind_it(case: Case, implementation: Any) -> None:
    data = case.data + FOLLOWING
    outcome = outcome_of(implementation.h1, case, data)
    assert outcome == outcome_of(implementation.h1, case, case.data)


def decode(h1: ModuleType, case: Case, pieces: list[bytes]) -> tuple[Any, bytes]:
    """What came of a chunked body, and the bytes behind it: MORE, (status, code, position), or payload and trailers."""
    body = h1.ChunkedBody(**{name: int(value) for name, value in case.options.items()})
    payload = b""
    for number, piece in enumerate(pieces):
        try:
            found, used = body.feed(piece)
        except h1.H1Error as error:
            return (error.status, error.code, error.position), b""
        payload += found
        if body.done:
            return {"payload": payload, "fields": body.trailers}, piece[used:] + b"".join(pieces[number + 1 :])
        assert used == len(piece)
    return MORE, b""


def check_body(case: Case, outcome: Any, rest: bytes) -> None:
    if case.refused:
        check_refusal(case, outcome)
    elif case.more:
        assert outcome == MORE
    else:
        assert isinstance(outcome, dict), f"not accepted: {outcome}"
        check_values(case, outcome, rest)


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.where)
def test_body_whole(case: Case, implementation: Any) -> None:
    check_body(case, *decode(implementation.h1, case, [case.data]))


@pytest.mark.parametrize("case", BODIES, ids=lambda case: case.where)
def test_body_byte_by_byte(case: Case, implementation: Any) -> None:
    outcome, rest = decode(implementation.h1, case, [bytes([byte]) for byte in case.data])
    if case.refused:
        assert outcome[:2] == case.refused[:2]
    else:
        check_body(case, outcome, rest)


@pytest.mark.parametrize("case", [case for case in BODIES if not case.more], ids=lambda case: case.where)
def test_body_with_bytes_behind_it(case: Case, implementation: Any) -> None:
    outcome, rest = decode(implementation.h1, case, [case.data + FOLLOWING])
    if isinstance(outcome, dict):
        assert rest.endswith(FOLLOWING)
    check_body(case, outcome, rest.removesuffix(FOLLOWING))


@pytest.mark.parametrize("case", COOKIES, ids=lambda case: case.where)
def test_cookie(case: Case, implementation: Any) -> None:
    """`find` is not given where nothing may be found; `strip` is what the application sees."""
    name = case.options["name"].encode()
    assert implementation.cookie.find(case.data, name) == case.values.get("find")
    assert implementation.cookie.strip(case.data, name) == case.values["strip"]


def test_every_code_has_a_case() -> None:
    seen = {case.refused[1] for case in CASES if case.refused}
    assert set(twin.h1.CODES) == seen
