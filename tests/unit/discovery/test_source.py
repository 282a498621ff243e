"""Every source keeps the protocol."""

from __future__ import annotations

import inspect

import pytest

from faststicky.discovery.file import FileSource
from faststicky.discovery.source import Source
from faststicky.discovery.static import StaticSource
from faststicky.discovery.swarm import SwarmSource


@pytest.mark.parametrize(
    "make",
    [
        lambda _: StaticSource(["http://127.0.0.1:9001"]),
        lambda path: FileSource(path / "a.toml"),
        lambda path: SwarmSource(f"unix://{path}/d.sock", own_ids=()),
    ],
)
def test_every_source_keeps_the_protocol(make, tmp_path):
    source: Source = make(tmp_path)
    assert source.name
    assert source.interval > 0
    for method in ("discover", "watch", "close"):
        wanted = list(inspect.signature(getattr(Source, method)).parameters)[1:]
        assert list(inspect.signature(getattr(source, method)).parameters) == wanted
    source.close()
    source.close()
