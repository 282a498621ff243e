"""Heads of requests as browsers send them: ours beside llhttp (httptools) and h11, in the same run.

Ours is called through its window for tests, which makes a dictionary of the result; the relay calls the C function below it
(bench/instructions.py counts that one). httptools calls back for every field, which is what its users pay.
"""

from __future__ import annotations

from typing import Any

import h11
import httptools
import pytest

from faststicky.core import _h1

FEW = [
    ("Host", "www.example.com"),
    ("User-Agent", "curl/8.9.1"),
    ("Accept", "*/*"),
    ("Cookie", "theme=dark; stick=0011"),
]
BROWSER = [
    ("Host", "www.example.com"), ("Connection", "keep-alive"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.8,de;q=0.5"), ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "https://www.example.com/a/page?with=a&query=of&some=length"), ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "same-origin"),
    ("Cookie", "theme=dark; lang=en; _ga=GA1.2.1234567890.1234567890; stick=00112233445566778899aabbccddeeff"),
]  # fmt: skip
MANY = BROWSER + [(f"X-Tracing-Detail-{i}", f"value-{i}-of-a-middling-length-{i * 7919}") for i in range(28)]
HEADS = {4: FEW, 12: BROWSER, 40: MANY}


def head(fields: list[tuple[str, str]]) -> bytes:
    """A GET with these fields."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"GET /a/path/of/some/length?and=a&query=too HTTP/1.1\r\n{lines}\r\n".encode()


@pytest.fixture(params=sorted(HEADS), ids="{} fields".format)
def data(request: Any) -> bytes:
    """The bytes of a head."""
    return head(HEADS[request.param])


def test_ours(benchmark: Any, data: bytes) -> None:
    benchmark.group = f"request head, {data.count(b': ')} fields"
    assert len(benchmark(_h1.request_head, data)["fields"]) == data.count(b": ")


def test_httptools(benchmark: Any, data: bytes) -> None:
    benchmark.group = f"request head, {data.count(b': ')} fields"

    class Seen:
        def __init__(self) -> None:
            self.fields: list[tuple[bytes, bytes]] = []

        def on_header(self, name: bytes, value: bytes) -> None:
            self.fields.append((name, value))

    def parse() -> list[tuple[bytes, bytes]]:
        seen = Seen()
        httptools.HttpRequestParser(seen).feed_data(data)
        return seen.fields

    assert len(benchmark(parse)) == data.count(b": ")


def test_h11(benchmark: Any, data: bytes) -> None:
    benchmark.group = f"request head, {data.count(b': ')} fields"

    def parse() -> Any:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(data)
        return connection.next_event()

    assert len(benchmark(parse).headers) == data.count(b": ")
