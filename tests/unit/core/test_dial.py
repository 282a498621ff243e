"""Opening a connection to a backend: addresses, names, time-outs and what they are called."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Iterator

import pytest
import uvloop

from faststicky.core.dial import dial, is_own, is_silence, reason


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def connect(host: str, port: int, timeout: float = 5, silence: float = 1.0) -> int:
    """Dial once; the connection's TCP_USER_TIMEOUT in milliseconds."""

    async def main() -> int:
        protocol = await dial(asyncio.get_running_loop(), Kept, host, port, timeout, silence)
        sock = protocol.transport.get_extra_info("socket")
        value = socket.socket(fileno=sock.dup().detach())
        with value:
            found = value.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        protocol.transport.abort()
        await asyncio.sleep(0)
        return found

    return uvloop.run(main())


class Kept(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_or_a_name(listener: socket.socket, host: str) -> None:
    assert connect(host, listener.getsockname()[1], silence=1.5) == 1500


def test_silence_may_be_allowed(listener: socket.socket) -> None:
    assert connect("127.0.0.1", listener.getsockname()[1], silence=0) == 0


def test_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as sock:
        assert connect("::1", sock.getsockname()[1]) == 1000


def test_nobody_listens(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(ConnectionRefusedError) as caught:
        connect("127.0.0.1", port)
    assert reason(caught.value) == "connect-refused"
    assert not is_silence(caught.value)


def test_nobody_answers() -> None:
    """A queue that is full drops the SYN, as a machine that is gone does."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        waiting = []
        try:
            for _ in range(4):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(sock.getsockname())
                waiting.append(client)
            with pytest.raises(TimeoutError) as caught:
                connect("127.0.0.1", sock.getsockname()[1], timeout=0.2)
        finally:
            for client in waiting:
                client.close()
    assert reason(caught.value) == "connect-timeout"


def test_a_loop_that_is_late_is_not_the_backends_fault(listener: socket.socket) -> None:
    """As when thousands connect at once: the connection is there, and nobody has looked for longer than the time-out."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        dialing = asyncio.ensure_future(dial(loop, Kept, *listener.getsockname(), 0.05, 1.0))
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251
        (await dialing).transport.abort()

    uvloop.run(main())


def test_a_loop_that_is_late_does_not_hide_a_refusal(listener: socket.socket) -> None:
    """It is one, not a time-out."""
    address = listener.getsockname()
    listener.close()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        dialing = asyncio.ensure_future(dial(loop, Kept, *address, 0.05, 1.0))
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251
        with pytest.raises(ConnectionRefusedError):
            await dialing

    uvloop.run(main())


def test_what_this_machine_lacks_is_no_backends_fault() -> None:
    for number in (errno.EMFILE, errno.EADDRNOTAVAIL):
        assert is_own(OSError(number, ""))
    for error in (TimeoutError(), ConnectionRefusedError(errno.ECONNREFUSED, ""), OSError(errno.EHOSTUNREACH, "")):
        assert not is_own(error)


def test_reasons() -> None:
    assert reason(OSError(errno.EHOSTUNREACH, "No route to host")) == "connect-failed: No route to host"
    assert is_silence(OSError(errno.ETIMEDOUT, "timed out"))
    assert not is_silence(ConnectionResetError(errno.ECONNRESET, "reset"))
    assert not is_silence(None)
