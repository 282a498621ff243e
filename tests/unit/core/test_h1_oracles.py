"""The compiled parser against h11 and httptools (llhttp): both read alike what they accept, and we accept nothing more.

The exceptions, each a choice that is described in tests/wire/README.md or in the oracle:

* Both judge Content-Length and Transfer-Encoding even where they mean nothing, in answers with status 1xx and 204.
* h11 skips no empty line before a request.
* llhttp knows a list of methods and of versions, and refuses any other.
* Both parse chunk extensions, and take no white space before ";"; we skip them (RFC 9112, section 7.1.1).
"""

from __future__ import annotations

import re
from typing import Any

import h11
import httptools
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from faststicky.core import _h1
from twin import messages

checked = settings(
    max_examples=600, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)

REFUSED = "refused"
NAMES = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12).map(str.encode)
OPAQUE = "abc XYZ09\t'(),/:;=?@[]{}<>\\\x80\xa0\xff"
TEXT = st.text(OPAQUE, max_size=20).map(lambda text: text.encode("latin-1").strip(b" \t"))
FRAMED = {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"}
FREE = st.lists(st.tuples(NAMES.filter(lambda name: name.lower() not in FRAMED), TEXT), max_size=5)


@st.composite
def valid_fields(draw: st.DrawFn, *, host: bool) -> bytes:
    fields = draw(FREE)
    if host:
        fields.insert(draw(st.integers(0, len(fields))), (b"Host", b"example.com"))
    length = st.sampled_from([b"5", b"0", b"005"]).map(lambda digits: (b"content-LENGTH", digits))
    framing = draw(st.none() | length | st.just((b"Transfer-Encoding", b"chunked")))
    if framing:
        fields.insert(draw(st.integers(0, len(fields))), framing)
    if draw(st.booleans()):
        fields.append((b"Connection", draw(st.sampled_from([b"close", b"keep-alive", b"x, Close", b"x"]))))
    space = draw(st.sampled_from([b"", b" ", b"\t ", b"  "]))
    return b"".join(name + b":" + space + value + b"\r\n" for name, value in fields)


@st.composite
def valid_requests(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from([b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PROPFIND"]))
    path = b"/" + draw(st.text("abc/.%20;=&?:@!$'()*+,~-_", max_size=20)).encode()
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    return method + b" " + path + b" HTTP/" + version + b"\r\n" + draw(valid_fields(host=True)) + b"\r\n"


@st.composite
def valid_responses(draw: st.DrawFn) -> bytes:
    status = draw(st.sampled_from([b"200", b"201", b"206", b"304", b"404", b"500", b"204", b"103"]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    reason = draw(st.sampled_from([b"OK", b"", b"Not Found", b"a b"]))
    return b"HTTP/" + version + b" " + status + b" " + reason + b"\r\n" + draw(valid_fields(host=False)) + b"\r\n"


def ours(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except _h1.H1Error:
        return REFUSED


def lowered(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in fields]


def h11_request(data: bytes) -> Any:
    """h11.Request, None, or REFUSED."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    try:
        connection.receive_data(data)
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return REFUSED
    return None if event is h11.NEED_DATA else event


def h11_response(data: bytes) -> Any:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return REFUSED
    return None if event is h11.NEED_DATA else event


class Listener:
    """What httptools tells of a head."""

    def __init__(self) -> None:
        self.target = b""
        self.reason = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.keep_alive = False
        self.parser: Any = None

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_status(self, part: bytes) -> None:
        self.reason += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True
        self.keep_alive = self.parser.should_keep_alive()


def llhttp(kind: Any, data: bytes) -> tuple[Listener, Any]:
    """(what was told, the parser), the parser REFUSED if it refuses."""
    listener = Listener()
    listener.parser = parser = kind(listener)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        return listener, REFUSED
    return listener, parser


def has_no_framing(head: Any) -> bool:
    return head["status"] < 200 or head["status"] == 204


def head_alone(data: bytes, head: Any) -> bytes:
    return data[: head["length"]] if isinstance(head, dict) else data


@checked
@given(messages.mutated(valid_requests(), most=1))
def test_requests_like_h11(data: bytes) -> None:
    head = ours(_h1.request_head, data)
    theirs = h11_request(head_alone(data, head))
    if not isinstance(head, dict):
        return
    if theirs == REFUSED:
        assert data.startswith(b"\r\n"), f"only we accept {data!r}"
        return
    assert isinstance(theirs, h11.Request)
    assert (head["method"], head["target"]) == (theirs.method, theirs.target)
    assert lowered(head["fields"]) == list(theirs.headers)
    assert head["version"] == min(int(theirs.http_version.replace(b".", b"")), 11)


@checked
@given(messages.mutated(valid_responses(), most=1))
def test_responses_like_h11(data: bytes) -> None:
    head = ours(_h1.response_head, data)
    theirs = h11_response(head_alone(data, head))
    if not isinstance(head, dict):
        return
    if theirs == REFUSED:
        assert has_no_framing(head), f"only we accept {data!r}"
        return
    assert (head["status"], head["reason"]) == (theirs.status_code, theirs.reason)
    assert lowered(head["fields"]) == list(theirs.headers)


LLHTTP_METHODS = {b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PROPFIND"}


@checked
@given(messages.mutated(valid_requests(), most=1))
def test_requests_like_llhttp(data: bytes) -> None:
    head = ours(_h1.request_head, data)
    if not isinstance(head, dict):
        return
    listener, parser = llhttp(httptools.HttpRequestParser, head_alone(data, head))
    if parser == REFUSED:
        known = head["method"] in LLHTTP_METHODS and (b" HTTP/1.1\r\n" in data or b" HTTP/1.0\r\n" in data)
        assert not known, f"only we accept {data!r}"
        return
    assert listener.complete
    assert (head["method"], head["target"]) == (parser.get_method(), listener.target)
    assert head["fields"] == listener.fields
    assert head["version"] == int(parser.get_http_version().replace(".", ""))
    if head["version"] == 11:
        assert head["keep_alive"] == listener.keep_alive


@checked
@given(messages.mutated(valid_responses(), most=1))
def test_responses_like_llhttp(data: bytes) -> None:
    head = ours(_h1.response_head, data)
    if not isinstance(head, dict):
        return
    listener, parser = llhttp(httptools.HttpResponseParser, head_alone(data, head))
    if parser == REFUSED:
        known = data.startswith((b"HTTP/1.1", b"HTTP/1.0"))
        assert has_no_framing(head) or not known, f"only we accept {data!r}"
        return
    assert listener.complete
    assert (head["status"], head["reason"]) == (parser.get_status_code(), listener.reason)
    assert head["fields"] == listener.fields


CHUNKED_REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def h11_body(data: bytes) -> Any:
    """(payload, trailers, bytes left), None when more is needed, or REFUSED."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(CHUNKED_REQUEST + data)
    payload = b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                payload += event.data
            elif isinstance(event, h11.EndOfMessage):
                return payload, list(event.headers), connection.trailing_data[0]
            elif event is h11.NEED_DATA:
                return None
    except h11.RemoteProtocolError:
        return REFUSED


def has_extension(data: bytes) -> bool:
    return re.search(rb"[0-9a-fA-F][ \t]*;[^\r]*\r\n", data) is not None


@st.composite
def valid_bodies(draw: st.DrawFn) -> bytes:
    body = b""
    for chunk in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4)):
        extension = draw(st.sampled_from([b"", b"", b";a=b", b';a="b c"', b";a"]))
        body += b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk)
    trailer = b"".join(name + b": " + value + b"\r\n" for name, value in draw(FREE))
    return body + b"0\r\n" + trailer + b"\r\n" + draw(st.sampled_from([b"", b"GET /"]))


@checked
@given(messages.mutated(valid_bodies(), most=1))
def test_bodies_like_h11(data: bytes) -> None:
    body = _h1.ChunkedBody()
    try:
        payload, used = body.feed(data)
    except _h1.H1Error:
        return
    theirs = h11_body(data)
    if theirs == REFUSED:
        assert has_extension(data), f"only we accept {data!r}"
    elif not body.done:
        assert theirs is None
    else:
        assert theirs == (payload, lowered(body.trailers), data[used:])


@checked
@given(messages.mutated(valid_bodies(), most=1))
def test_bodies_like_llhttp(data: bytes) -> None:
    body = _h1.ChunkedBody()
    try:
        payload, used = body.feed(data)
    except _h1.H1Error:
        return
    assume(body.done)

    class Body(Listener):
        def __init__(self) -> None:
            super().__init__()
            self.payload = b""
            self.done = False

        def on_body(self, part: bytes) -> None:
            self.payload += part

        def on_message_complete(self) -> None:
            self.done = True

    listener = Body()
    listener.parser = httptools.HttpRequestParser(listener)
    try:
        listener.parser.feed_data(CHUNKED_REQUEST + data[:used])
    except httptools.HttpParserError:
        assert has_extension(data), f"only we accept {data!r}"
        return
    assert (listener.payload, listener.done) == (payload, True)


@checked
@given(valid_requests())
def test_valid_requests_are_accepted(data: bytes) -> None:
    """Otherwise the comparisons above would show nothing."""
    head = ours(_h1.request_head, data)
    if b"HTTP/1.0" in data and b"Transfer-Encoding" in data:
        assert head == REFUSED
    else:
        assert head["length"] == len(data)


@checked
@given(valid_responses())
def test_valid_responses_are_accepted(data: bytes) -> None:
    head = ours(_h1.response_head, data)
    if b"HTTP/1.0" in data and b"Transfer-Encoding" in data and head == REFUSED:
        return
    assert head["length"] == len(data)
