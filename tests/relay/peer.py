"""One end of a TCP connection that a test holds: it sends what it is told and reads whole messages.

Messages are found with the plain-Python twin (tests/twin), which is strict: an answer that could be read in two ways
fails the test that reads it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field

from patience import seconds
from twin import h1

PATIENCE = seconds(40.0)  # seconds until something that must happen is given up


@dataclass
class Message:
    """A request or an answer as it came: `raw` with its framing, `body` without."""

    raw: bytes
    start: bytes  # request line or status line
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    status: int = 0
    chunked: bool = False
    complete: bool = True
    interim: list[Message] = field(default_factory=list)

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: bytes) -> bytes | None:
        found = self.all(name)
        assert len(found) <= 1, f"several {name!r}: {found}"
        return found[0] if found else None

    @property
    def head(self) -> bytes:
        return self.raw[: self.raw.index(b"\r\n\r\n") + 4]

    @property
    def closes(self) -> bool:
        return self.get(b"Connection") == b"close"


class Peer:
    """A connected socket; what was read too far is kept for the next message."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.ended = False

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        """Close with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def finish(self) -> None:
        """Close the sending side only."""
        self.sock.shutdown(socket.SHUT_WR)

    # ------------------------------------------------------------ sending

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def send_bytewise(self, data: bytes) -> None:
        """One write for each byte; whether the other side reads them so is up to the kernel. A reset ends it."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for byte in data:
                self.sock.send(bytes([byte]))

    # ------------------------------------------------------------ receiving

    def more(self) -> bool:
        """Read once; False at the end of the connection."""
        if self.ended:
            return False
        data = self.sock.recv(1 << 18)
        self.ended = not data
        self.buffer += data
        return not self.ended

    def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            assert self.more(), f"the connection ended after {self.buffer!r}"
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            assert self.more(), f"the connection ended after {self.buffer!r}"
        return self.exactly(self.buffer.index(mark) + len(mark))

    def rest(self) -> bytes:
        """Everything up to the end of the connection, which may be a reset."""
        try:
            while self.more():
                pass
        except ConnectionError:
            self.ended = True
        data, self.buffer = self.buffer, b""
        return data

    def is_reset(self) -> bool:
        """True if the connection ends, after whatever comes, by a reset."""
        try:
            while self.more():
                pass
        except ConnectionResetError:
            return True
        return False

    def is_silent(self, seconds: float = 0.15) -> bool:
        """True if nothing comes, neither bytes nor an end, for that long."""
        if self.buffer or self.ended:
            return False
        self.sock.settimeout(seconds)
        try:
            return not self.more() and not self.ended
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(PATIENCE)

    def request(self) -> Message:
        """The next request, with its body."""
        head = self._head(h1.request_head)
        found = h1.request_head(head)
        assert found is not None
        return self._body(head, found)

    def request_head(self) -> Message:
        """The next request without its body."""
        head = self._head(h1.request_head)
        found = h1.request_head(head)
        assert found is not None
        return Message(head, head.partition(b"\r\n")[0], found["fields"])

    def answer(self, method: bytes = b"GET") -> Message:
        """The next final answer, with its body and the interim answers before it. `complete` is False if it was cut."""
        interim = []
        while True:
            message = self.one_answer(method)
            if message.status >= 200 or message.status == 101:
                message.interim = interim
                return message
            interim.append(message)

    def one_answer(self, method: bytes = b"GET") -> Message:
        head = self._head(lambda data: h1.response_head(data, method))
        found = h1.response_head(head, method)
        assert found is not None
        message = self._body(head, found)
        message.status = found["status"]
        return message

    def _head(self, parse: object) -> bytes:
        while True:
            found = parse(self.buffer)  # type: ignore[operator]
            if found is not None:
                return self.exactly(found["length"])
            assert self.more(), f"the connection ended in a head: {self.buffer!r}"

    def _body(self, head: bytes, found: h1.Head) -> Message:
        message = Message(head, head.lstrip(b"\r\n").partition(b"\r\n")[0], found["fields"])
        if found["framing"] == "length":
            self._length(message, found["content_length"])
        elif found["framing"] == "chunked":
            self._chunked(message)
        elif found["framing"] == "close":
            try:
                while self.more():
                    pass
            except ConnectionResetError:
                message.complete = False
            message.body, self.buffer = self.buffer, b""
            message.raw += message.body
        return message

    def _length(self, message: Message, size: int) -> None:
        parts = [self.buffer[:size]]
        self.buffer = self.buffer[size:]
        missing = size - len(parts[0])
        try:
            while missing and (data := self.sock.recv(1 << 18)):
                parts.append(data[:missing])
                self.buffer += data[missing:]
                missing -= len(parts[-1])
        except ConnectionResetError:
            self.ended = True
        message.body = b"".join(parts)
        message.complete = not missing
        message.raw += message.body

    def _chunked(self, message: Message) -> None:
        message.chunked = True
        body = h1.ChunkedBody()
        while not body.done:
            try:
                if not self.buffer and not self.more():
                    break
            except ConnectionResetError:
                break
            data, self.buffer = self.buffer, b""
            payload, used = body.feed(data)
            message.body += payload
            message.raw += data[:used]
            self.buffer = data[used:]
        message.complete = body.done
        assert body.trailers == [] or not body.done, "trailers are not forwarded"


def until(condition: object, what: str = "the condition", patience: float = PATIENCE) -> None:
    """Wait for `condition()` to be true."""
    deadline = time.monotonic() + patience
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"{what} did not come true"
        time.sleep(0.005)
