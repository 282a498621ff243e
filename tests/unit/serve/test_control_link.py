from __future__ import annotations

import asyncio
import threading
import time

import pytest

from faststicky.address import Address
from faststicky.discovery.any_node import AnyNodeSource
from faststicky.discovery.dns import DnsSource
from faststicky.discovery.feed import FeedSource
from faststicky.discovery.file import FileSource
from faststicky.discovery.static import StaticSource
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import ConfigError
from faststicky.model import TableSpec
from faststicky.serve import control_link
from faststicky.serve.control_link import ControlLink, feed_keys, source_of
from faststicky.settings import RunOptions

FILE = """
[services.web]
backends = ["http://127.0.0.1:9001"]
[[routes]]
rule = "PathPrefix(`/`)"
service = "web"
"""


def _until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def options(tmp_path, **fields: object) -> RunOptions:
    return RunOptions(state_dir=str(tmp_path), **fields)


def test_sources(tmp_path):
    path = tmp_path / "proxy.toml"
    path.write_text(FILE)
    for given, kind in (
        ({"backends": ("http://127.0.0.1:1",)}, StaticSource),
        ({"dns": ("localhost:1",)}, DnsSource),
        ({"config": str(path)}, FileSource),
        ({"feed": ("127.0.0.1:1",)}, FeedSource),
        ({"swarm": True, "feed_listen": Address("127.0.0.1", 1)}, AnyNodeSource),
        ({"swarm": True, "docker_endpoint": f"unix://{tmp_path}/none.sock"}, SwarmSource),
    ):
        source = source_of(options(tmp_path, **given))
        assert isinstance(source, kind)
        source.close()


@pytest.mark.parametrize("text", [None, "services = 3", "nonsense"])
def test_a_file_has_to_be_good_at_the_start(tmp_path, text):
    path = tmp_path / "proxy.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=r"file .*proxy\.toml.*: .*mend it, then start again"):
        source_of(options(tmp_path, config=str(path)))


def test_tables_arrive_on_the_event_loop(tmp_path):
    async def run() -> None:
        arrived: asyncio.Queue[tuple[TableSpec, threading.Thread]] = asyncio.Queue()
        path = tmp_path / "proxy.toml"
        path.write_text(FILE)
        link = ControlLink(
            options(tmp_path, config=str(path)),
            lambda table: arrived.put_nowait((table, threading.current_thread())),
        )
        assert link.status.generation == 0
        link.start()
        try:
            table, thread = await asyncio.wait_for(arrived.get(), 30)
            assert thread is threading.current_thread()
            assert (table.generation, table.services[0].backends[0].port) == (1, 9001)
            path.write_text(FILE.replace("9001", "9002"))
            link.reload()
            table, _ = await asyncio.wait_for(arrived.get(), 30)
            assert (table.generation, table.services[0].backends[0].port) == (2, 9002)
            assert link.status.error == ""
        finally:
            await link.stop()
        assert "control" not in {thread.name for thread in threading.enumerate()}

    asyncio.run(run())


@pytest.mark.parametrize("given", [{"feed": ("127.0.0.1:1",)}, {"feed_listen": Address("127.0.0.1", 0)}])
def test_following_needs_a_key_that_both_know(tmp_path, given):
    with pytest.raises(ConfigError, match=r"--feed(-listen)?: .*must share a key, and there is none; give them"):
        feed_keys(options(tmp_path, **given), None)
    key = tmp_path / "key"
    key.write_text("a secret of 32 bytes and a bit more")
    assert len(feed_keys(options(tmp_path, **given), key)) == 1


def test_one_whose_source_fails_sends_followers_elsewhere(tmp_path, monkeypatch):
    async def run() -> None:
        config, key = tmp_path / "proxy.toml", tmp_path / "key"
        config.write_text(FILE)
        key.write_text("a secret of 32 bytes and a bit more")
        given = options(tmp_path, config=str(config), feed_listen=Address("127.0.0.1", 0), key_file=str(key))
        arrived = asyncio.Event()
        link = ControlLink(given, lambda _table: arrived.set())
        await link.open()
        link.start()
        try:
            await asyncio.wait_for(arrived.wait(), 30)
            assert link._why_not_followed() == ""
            config.write_text("nonsense")
            link.reload()
            await asyncio.to_thread(_until, lambda: link.status.error)
            assert link._why_not_followed() == ""  # not yet
            monkeypatch.setattr(control_link, "STALE", 0.0)
            assert link._why_not_followed().startswith("its own source fails: ")
        finally:
            await link.stop()

    asyncio.run(run())
