"""Backends that do everything wrong: `python -m soak.bad_backend PORTS`.

So many ports, where the path says what happens (/bad/NAME, see BEHAVIOURS); then one port that speaks before it is asked, and
one that closes what it has accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys

import uvloop

from soak.good_backend import orphaned
from soak.raw import abort

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Token: POISON\r\n\r\nPOISON"
OK = b"HTTP/1.1 200 OK\r\n"
SILENCE = 20.0  # seconds; the proxy has given up long before
LEAVERS = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
BEHAVIOURS: dict[str, list[bytes | float | str]] = {
    # bytes are sent, seconds waited; "reset", "close" end the connection, else the next request is awaited
    "fine": [OK + b"Content-Length: 2\r\n\r\nok"],
    "garbage": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 SSH-2.0-x\r\n", "close"],
    "garbage-head": [OK + b"Content Length: 2\r\n\r\nok", "close"],
    "two-framings": [OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + POISON, "close"],
    "two-lengths": [OK + b"Content-Length: 2\r\nContent-Length: 60\r\n\r\nok" + POISON, "close"],
    "cut-head": [OK + b"Content-Len", "close"],
    "cut-length": [OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 50000, "close"],
    "cut-chunk": [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe", "close"],
    "cut-until-close": [OK + b"\r\n" + b"x" * 50000, 0.01, "reset"],
    "reset": ["reset"],
    "reset-head": [OK, 0.01, "reset"],
    "reset-length": [OK + b"Content-Length: 100000\r\n\r\n" + b"x" * 50000, 0.01, "reset"],
    "reset-chunk": [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0.01, "reset"],
    "close": ["close"],
    "too-long": [OK + b"Content-Length: 2\r\n\r\nok" + POISON],
    "too-long-later": [OK + b"Content-Length: 2\r\n\r\nok", 0.05, POISON],
    "too-long-chunked": [OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + POISON],
    "bad-chunk": [OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n" + POISON, "close"],
    "silent": [SILENCE, "close"],
    "silent-head": [OK, SILENCE, "close"],
    "silent-body": [OK + b"Content-Length: 10\r\n\r\nok", SILENCE, "close"],
    "slow": [b"H", 0.05, b"TTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", *([0.05, b"x"] * 20)],
    "interim": [b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" * 20 + OK + b"Content-Length: 2\r\n\r\nok"],
    "endless-interim": [b"HTTP/1.1 100 Continue\r\n\r\n" * 20000, "close"],
    "endless-head": [OK, *([b"X: " + b"y" * 8000 + b"\r\n"] * 200), "close"],
    "many-fields": [OK + b"X: y\r\n" * 5000 + b"Content-Length: 0\r\n\r\n", "close"],
    "endless-body": [OK + b"\r\n", *([b"x" * 65536, 0.001] * 100), "close"],
    "upgraded-unasked": [b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + POISON],
    "no-content": [b"HTTP/1.1 204 No Content\r\nContent-Length: 60\r\n\r\n" + POISON],
    "one-zero": [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "close"],
}


async def _behave(what: list[bytes | float | str], writer: asyncio.StreamWriter) -> bool:
    """False if it has ended the connection, or the proxy has."""
    for step in what:
        if writer.transport.is_closing():
            return False
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif isinstance(step, str):
            if step == "reset":
                abort(writer)
            return False
        else:
            await asyncio.sleep(step)
    return True


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """It does not wait for the body of a request: every answer to one is an early one."""
    with contextlib.suppress(*LEAVERS):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("latin-1")
            name = target.partition("/bad/")[2].partition("/")[0].partition("?")[0]
            if not await _behave(BEHAVIOURS.get(name) or random.choice(list(BEHAVIOURS.values())), writer):
                break
    writer.close()


async def _speak_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(*LEAVERS):
        writer.write(POISON)
        await reader.read()
    writer.close()


async def _close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def main(count: int) -> None:
    servers = [await asyncio.start_server(_serve, "127.0.0.1", 0) for _ in range(count)]
    servers += [await asyncio.start_server(each, "127.0.0.1", 0) for each in (_speak_first, _close)]
    sys.stdout.write(" ".join(str(server.sockets[0].getsockname()[1]) for server in servers) + "\n")
    sys.stdout.flush()
    await orphaned()
    for server in servers:
        server.close()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
