from __future__ import annotations

import os
import socket
import stat

import click
import pytest

from faststicky.address import Address
from faststicky.cli.run import NOTES, is_docker_there, run, settings
from faststicky.errors import ConfigError
from faststicky.serve.cpus import usable_cpus
from faststicky.settings import RelayOptions, RunOptions

ONE = ["--backend", "http://127.0.0.1:1"]


@pytest.fixture
def parse(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("FASTSTICKY_"):
            monkeypatch.delenv(name)

    def parse(*args: str) -> RunOptions:
        context = run.make_context("run", ["--state-dir", str(tmp_path / "state"), *args])
        return settings(context.params, context.meta[NOTES])

    return parse


def test_defaults(parse, tmp_path):
    options = parse(*ONE)
    assert options == RunOptions(
        backends=("http://127.0.0.1:1",), workers=usable_cpus(), state_dir=str(tmp_path / "state")
    )
    assert options.relay == RelayOptions()
    assert options.listen == (Address("0.0.0.0", 80),)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_everything(parse):
    options = parse(
        *ONE, "--backend", "http://127.0.0.1:2", "--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--admin", "off",
        "--admin-host", "a.example", "--workers", "3", "--grace", "1m", "--max-head", "64k", "--forwarded",
        "--log-level", "DEBUG", "--log-format", "json", "--ready-file", "/x", "--docker-endpoint", "tcp://a:1",
        "--network", "net", "--domain", "d", "--no-exposed-by-default", "--trusted-proxies", "10.0.0.0/8",
    )  # fmt: skip
    assert options.backends == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert options.listen == (Address("127.0.0.1", 1), Address("::1", 2))
    assert (options.admin, options.admin_hosts, options.workers, options.grace) == (None, ("a.example",), 3, 60.0)
    assert options.relay == RelayOptions(max_head=65536, forwarded=True, trusted_proxies=("10.0.0.0/8",))
    assert (options.log_level, options.log_format, options.ready_file) == ("debug", "json", "/x")
    assert (options.docker_endpoint, options.network, options.domain) == ("tcp://a:1", "net", "d")
    assert options.exposed_by_default is False


def test_web_opens_the_page(parse):
    assert parse(*ONE).admin == Address("127.0.0.1", 8080)
    assert parse(*ONE, "--web").admin == Address("0.0.0.0", 8080)


def test_without_a_source_the_socket_decides(parse, tmp_path):
    path = tmp_path / "docker.sock"
    endpoint = ["--docker-endpoint", f"unix://{path}"]
    with pytest.raises(ConfigError, match=r"no Docker socket at .*; give --swarm, --backend URL, --dns NAME:PORT, "):
        parse(*endpoint)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert parse(*endpoint).swarm is True
        assert parse(*endpoint, *ONE).swarm is False


def test_is_docker_there(tmp_path):
    (tmp_path / "file").write_text("")
    assert not is_docker_there(f"unix://{tmp_path}/file")
    assert not is_docker_there(f"unix://{tmp_path}/none")
    assert not is_docker_there("tcp://127.0.0.1:2375")


@pytest.mark.parametrize(
    "args", [["--swarm", *ONE], ["--config", "a.toml", *ONE], ["--swarm", "--config", "a.toml"]], ids=" ".join
)
def test_one_source_only(parse, args):
    with pytest.raises(ConfigError, match=r" and .* do not go together; choose one"):
        parse(*args)


def test_traefik_beside_our_own(parse):
    options = parse("--docker", "--docker.swarmmode", "--web", "--max-head", "1k", "--metrics.prometheus")
    assert (options.swarm, options.admin, options.relay.max_head) == (True, Address("0.0.0.0", 8080), 1024)
    assert len(options.notes) == 1


def test_help_names_every_option():
    text = run.get_help(click.Context(run, info_name="faststicky run", terminal_width=200))
    for param in run.params:
        assert param.opts[0] in text
        assert isinstance(param, click.Option)
        assert param.help, param.name
    assert "Exit codes" in text


def test_following_and_being_followed(parse, tmp_path):
    key = tmp_path / "key"
    options = parse("--feed", "tasks.proxy:7070", "--feed", "10.0.0.5:7070", "--key-file", str(key))
    assert (options.feed, options.key_file, options.swarm) == (("tasks.proxy:7070", "10.0.0.5:7070"), str(key), False)
    options = parse(*ONE, "--listen", "off", "--feed-listen", "0.0.0.0:7070")
    assert (options.listen, options.workers, options.feed_listen) == ((), 0, Address("0.0.0.0", 7070))
    with pytest.raises(ConfigError, match="--listen: off and an address"):
        parse(*ONE, "--listen", "off", "--listen", "127.0.0.1:1", "--feed-listen", "127.0.0.1:2")
    with pytest.raises(ConfigError, match="--listen: off, and nobody can follow"):
        parse(*ONE, "--listen", "off")
    with pytest.raises(ConfigError, match="--feed and --feed-listen do not go together"):
        parse("--feed", "a:1", "--feed-listen", "127.0.0.1:2")
