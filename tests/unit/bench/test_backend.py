from __future__ import annotations

import http.client

import pytest

from faststicky.bench.child import Child


@pytest.mark.parametrize(
    ("path", "length"),
    [("/", 8), ("/anything?x=1k", 8), ("/64", 64), ("/1k", 1024), ("/2M", 2 << 20), ("/9999m", 64 << 20)],
)
def test_paths(path, length):
    with Child("faststicky.bench.backend", "ann") as child:
        connection = http.client.HTTPConnection("127.0.0.1", int(child.first_line()), timeout=10)
        connection.request("POST", path, body=b"x" * 100_000)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("X-Backend"), len(answer.read())) == (200, "ann", length)
        connection.close()
