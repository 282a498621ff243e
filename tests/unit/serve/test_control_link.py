from __future__ import annotations

import asyncio
import threading

import pytest

from faststicky.discovery.dns import DnsSource
from faststicky.discovery.file import FileSource
from faststicky.discovery.static import StaticSource
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import ConfigError
from faststicky.model import TableSpec
from faststicky.serve.control_link import ControlLink, source_of
from faststicky.settings import RunOptions

FILE = """
[services.web]
backends = ["http://127.0.0.1:9001"]
[[routes]]
rule = "PathPrefix(`/`)"
service = "web"
"""


def options(tmp_path, **fields: object) -> RunOptions:
    return RunOptions(state_dir=str(tmp_path), **fields)


def test_sources(tmp_path):
    path = tmp_path / "proxy.toml"
    path.write_text(FILE)
    for given, kind in (
        ({"backends": ("http://127.0.0.1:1",)}, StaticSource),
        ({"dns": ("localhost:1",)}, DnsSource),
        ({"config": str(path)}, FileSource),
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
