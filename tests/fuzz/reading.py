"""What a stream of bytes says, for the plain-Python twin, for h11, and for httptools (llhttp); in both directions.

Each returns the messages that are complete, and how the stream ends. The relay must make all of them agree.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import h11
import httptools

import twin.h1

End = Literal["idle", "more", "refused", "closed"]
"""idle: between two messages. more: in the middle of one. refused: what follows is none. closed: nothing may follow."""

LARGE = 1 << 20


class Request(NamedTuple):
    method: bytes
    path: bytes
    body: bytes
    forwarded: bool = True  # False: the relay answers it


class Answer(NamedTuple):
    status: int
    fields: dict[bytes, bytes]  # names in lower case
    body: bytes


class UnreadableError(Exception):
    """The stream breaks the rules of this reader."""


def own_answer(head: twin.h1.RequestHead) -> bool | None:
    """None if the request is forwarded, else whether the connection outlives the relay's own answer."""
    if head["method"] in (b"TRACE", b"CONNECT"):
        return False
    limits = [value for name, value in head["fields"] if name.lower() == b"max-forwards"]
    if head["method"] == b"OPTIONS" and limits and limits[0].isdigit() and len(limits[0]) < 10 and not int(limits[0]):
        return head["keep_alive"] and head["framing"] == "none"
    return None


def path_upwards(head: twin.h1.RequestHead) -> bytes:
    """The target that the backend is sent (RFC 9112, 3.2.1, 3.2.4): origin-form or "*"."""
    path = head["path"]
    if path.startswith(b"/") or path == b"*":
        return path
    return b"*" if head["method"] == b"OPTIONS" and not path else b"/" + path


def twin_body(data: bytes, head: twin.h1.Head) -> tuple[bytes, int] | None:
    """Payload and size on the wire of the body at the start of `data`; None when more is needed."""
    if head["framing"] == "none":
        return b"", 0
    if head["framing"] == "length":
        length = head["content_length"]
        return None if len(data) < length else (data[:length], length)
    decoder = twin.h1.ChunkedBody()
    payload, used = decoder.feed(data)
    return (payload, used) if decoder.done else None


def twin_requests(data: bytes) -> tuple[list[Request], End, bytes]:
    """The client's stream as the relay must understand it: forwarded in this order, each once, and nothing else. Also the
    method of the request that is refused, as far as it can be told: the answer to HEAD has no body."""
    found: list[Request] = []
    method = b"GET"
    while data:
        method = b"GET"
        try:
            head = twin.h1.request_head(data)
            if head is None:
                return found, "more", method
            method = head["method"]
            own = own_answer(head)
            if own is not None:
                found.append(Request(head["method"], head["path"], b"", False))
                if not own:
                    return found, "closed", method
                data = data[head["length"] :]
                continue
            body = twin_body(data[head["length"] :], head)
        except twin.h1.H1Error:
            return found, "refused", method
        if body is None:
            return found, "more", method
        found.append(Request(head["method"], path_upwards(head), body[0]))
        if not head["keep_alive"]:
            return found, "closed", method
        data = data[head["length"] + body[1] :]
    return found, "idle", method


def h11_requests(data: bytes) -> tuple[list[Request], End, list[list[tuple[bytes, bytes]]]]:
    """A backend's stream read by h11, and the fields of every request. Raises UnreadableError."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGE)
    if data:  # to h11, no bytes are the end
        connection.receive_data(data)
    found: list[Request] = []
    fields: list[list[tuple[bytes, bytes]]] = []
    method, path, body = b"", b"", b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise UnreadableError(f"h11: {error}") from None
        if isinstance(event, h11.Request):
            method, path, body = event.method, event.target, b""
            fields.append(list(event.headers))
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            found.append(Request(method, path, body))
            connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE:
                return found, "closed", fields
            connection.start_next_cycle()
        else:
            middle = connection.their_state is not h11.IDLE or connection.trailing_data[0]
            return found, "more" if middle else "idle", fields


class _Listener:
    """What httptools tells of a stream of messages."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bytes]] = []  # target or reason, body
        self.first = self.body = b""

    def on_message_begin(self) -> None:
        self.first = self.body = b""

    def on_url(self, part: bytes) -> None:
        self.first += part

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.messages.append((self.first, self.body))


def llhttp_messages(kind: Any, data: bytes) -> list[tuple[bytes, bytes]]:
    """(target, or b"" for an answer; body) of every complete message. Raises UnreadableError."""
    listener = _Listener()
    while data:
        try:
            kind(listener).feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:  # llhttp stops there; a backend that does not upgrade reads on
            data = data[upgrade.args[0] :]
            continue
        except httptools.HttpParserInvalidMethodError:
            break  # it has a list of methods and knows no other
        except httptools.HttpParserError as error:
            raise UnreadableError(f"llhttp: {error}") from None
        break
    return listener.messages


def h11_answers(data: bytes, methods: list[bytes], closed: bool) -> tuple[list[Answer], bytes]:
    """What a client that sent requests with these methods has been answered, by h11, interim answers left out; and the
    bytes of the answer that is not complete. `closed`: the stream has ended in good order. Raises UnreadableError."""
    found: list[Answer] = []
    for method in methods:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGE)
        # any other method is read like GET; h11 would not send those of our own making
        name = method if method in (b"HEAD", b"CONNECT") else b"GET"
        connection.send(h11.Request(method=name, target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
        if data:  # to h11, no bytes are the end
            connection.receive_data(data)
        if closed:
            connection.receive_data(b"")
        status, fields, body = 0, {}, b""
        while True:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                if closed and connection.their_state is not h11.IDLE and "peer closed" in str(error):
                    return found, data
                raise UnreadableError(f"h11: {error}") from None
            if isinstance(event, h11.Response):
                status, fields = event.status_code, {bytes(name): bytes(value) for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                found.append(Answer(status, fields, body))
                data = connection.trailing_data[0]
                break
            elif event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return found, data
        if fields.get(b"connection", b"").lower() == b"close":
            break
    return found, data
