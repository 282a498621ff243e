from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from faststicky.demo.whoami import application
from proxy.running import PATIENCE, faststicky


def with_client(act) -> None:
    async def run() -> None:
        async with TestClient(TestServer(application("ann"))) as client:
            await act(client)

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/", "/any/path?with=query", "/health/not", "/%C3%A4"])
def test_every_path_says_who_it_is(path):
    async def act(client: TestClient) -> None:
        for method in ("GET", "POST", "DELETE"):
            response = await client.request(method, path)
            assert (response.status, await response.text()) == (200, "I'm ann\n")
            assert response.content_type == "text/plain"

    with_client(act)


def test_echo():
    async def act(client: TestClient) -> None:
        headers = [("X-A", "1"), ("X-A", "2"), ("x-lower", "3")]
        response = await client.post(URL("/echo?a=%41", encoded=True), data=b"x" * 100_000, headers=headers)
        seen = await response.json()
        assert (seen["name"], seen["method"], seen["uri"], seen["body"]) == ("ann", "POST", "/echo?a=%41", 100_000)
        assert [pair for pair in seen["headers"] if pair[0].lower().startswith("x-")] == [
            ["X-A", "1"],
            ["X-A", "2"],
            ["x-lower", "3"],
        ]
        assert seen["remote"] == "127.0.0.1"

    with_client(act)


def test_slow_and_health():
    async def act(client: TestClient) -> None:
        begun = asyncio.get_running_loop().time()
        assert await (await client.get("/slow?ms=200")).text() == "I'm ann\n"
        assert asyncio.get_running_loop().time() - begun >= 0.19
        assert (await client.get("/slow?ms=x")).status == 400
        assert (await client.get("/health")).status == 200

    with_client(act)


def start(*args: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "faststicky", "whoami", "--listen", "127.0.0.1", "--port", "0", *args],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().split()[-1]


def test_requests_under_way_are_answered_before_it_ends():
    process, address = start()
    host, _, port = address.rpartition(":")
    with (
        process,
        socket.create_connection((host, int(port)), timeout=PATIENCE) as slow,
        socket.create_connection((host, int(port)), timeout=PATIENCE) as quick,
    ):
        slow.sendall(b"GET /slow?ms=1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        quick.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert quick.recv(4096).startswith(b"HTTP/1.1 200 ")  # so the slow one, which came first, is under way
        process.send_signal(signal.SIGTERM)
        answer = b""
        while part := slow.recv(4096):
            answer += part
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(f"I'm {os.uname().nodename}\n".encode())
        assert process.wait(PATIENCE) == 0


def test_a_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = faststicky("whoami", "--listen", "127.0.0.1", "--port", str(other.getsockname()[1]))
    assert result.returncode == 2
    assert re.match(r"faststicky: --port: cannot listen on .*; choose another port\n$", result.stderr)
