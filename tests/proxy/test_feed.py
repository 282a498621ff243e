"""A proxy that follows another one: changes arrive, traffic goes on when that one dies, and keys must be the same."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.running import Proxy, faststicky, fetch, proxy, until, whoami

FILE = "[services.web]\nbackends = [{}]\n"


@pytest.fixture(scope="module")
def backends():
    with whoami("ann") as ann, whoami("bob") as bob:
        yield ann, bob


@pytest.fixture
def key(tmp_path) -> Path:
    path = tmp_path / "key"
    path.write_text("a secret of 32 bytes and a bit more\n")
    return path


class Origin:
    """Where what is followed comes from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.config = folder / "proxy.toml"

    def say(self, *urls: str) -> None:
        self.config.write_text(FILE.format(", ".join(f'"{url}"' for url in urls)))

    @contextlib.contextmanager
    def run(self, *args: str, feed: str = "127.0.0.1:0") -> Iterator[Proxy]:
        with proxy(self.folder, "--config", str(self.config), "--feed-listen", feed, *args) as running:
            yield running


@pytest.fixture
def origin(tmp_path) -> Origin:
    return Origin(tmp_path / "origin")


@contextlib.contextmanager
def follower(folder: Path, *args: str) -> Iterator[Proxy]:
    folder.mkdir(exist_ok=True)
    with proxy(folder, *args) as running:
        yield running


def bodies(running: Proxy) -> set[str]:
    return {running.get()[1] for _ in range(4)}


def test_what_one_knows_the_other_serves_with_the_same_cookies(tmp_path, origin, key, backends):
    ann, bob = backends
    origin.say(ann)
    keys = ("--key-file", str(key))
    with origin.run(*keys) as first, follower(tmp_path / "follower", "--feed", first.feed, *keys) as second:
        assert bodies(second) == {"I'm ann\n"}
        origin.say(ann, bob)
        until(lambda: "I'm bob\n" in bodies(first), "the origin has seen the change")
        began = time.monotonic()
        until(lambda: "I'm bob\n" in bodies(second), "the follower has it too")
        assert time.monotonic() - began < 5
        for one, other in ((first, second), (second, first)):
            _, body, headers = one.get()
            cookie = headers["Set-Cookie"].partition(";")[0]
            for _ in range(3):
                _, again, headers = other.get(Cookie=cookie)
                assert again == body
                assert "Set-Cookie" not in headers
        table = second.api("/api/table")
        assert (table["source"], table["error"]) == (f"feed {first.feed}", "")

        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        until(lambda: second.api("/api/table")["error"], "the follower says that it is alone")
        assert bodies(second) == {"I'm ann\n", "I'm bob\n"}
        feed = first.feed

        origin.say(bob)  # and comes back with other news
        with origin.run(*keys, feed=feed):
            until(lambda: bodies(second) == {"I'm bob\n"}, "the follower has found it again")
            until(lambda: not second.api("/api/table")["error"], "all is well")

    with follower(tmp_path / "follower", "--feed", feed, *keys) as third:  # starts when nobody is there
        until(lambda: third.get()[0] == 200, "the saved table serves")
        assert bodies(third) == {"I'm bob\n"}


def test_when_one_is_gone_another_is_followed(tmp_path, origin, key, backends):
    ann, bob = backends
    keys = ("--key-file", str(key))
    twin = Origin(tmp_path / "twin")
    origin.say(ann)
    twin.say(ann)
    with origin.run(*keys) as one, twin.run(*keys) as two:
        both = ("--feed", one.feed, "--feed", two.feed)
        with follower(tmp_path / "follower", *both, *keys) as second:
            assert bodies(second) == {"I'm ann\n"}
            assert one.stop() == 0
            twin.say(ann, bob)
            until(lambda: bodies(second) == {"I'm ann\n", "I'm bob\n"}, "it follows the other one")
            assert two.stop() == 0


def test_the_control_part_alone(tmp_path, origin, key, backends):
    ann, _ = backends
    origin.say(ann)
    keys = ("--key-file", str(key))
    with origin.run("--listen", "off", *keys) as control:
        assert control.workers() == []
        until(lambda: fetch(f"http://{control.admin}/ready")[0] == 200, "it is ready")
        with follower(tmp_path / "follower", "--feed", control.feed, *keys) as second:
            assert bodies(second) == {"I'm ann\n"}
        assert control.stop() == 0


def test_with_another_key_nothing_is_told(tmp_path, origin, key, backends):
    origin.say(backends[0])
    other = tmp_path / "other"
    other.write_text("another secret, as long as the first")
    with origin.run("--key-file", str(key)) as first:
        running = follower(tmp_path / "follower", "--feed", first.feed, "--key-file", str(other))
        with running as second:
            error = until(lambda: second.api("/api/table")["error"], "an error")
            assert "it has another key; give both the same secret faststicky_key or the same --key-file" in error
            until(lambda: second.get()[0] == 503, "there is no table")
        assert any("another key" in line["event"] for line in first.log)
        status, body, _ = fetch(f"http://{first.feed}/feed")
        assert status == 401
        assert backends[0] not in body


def test_a_key_that_changes_moves_nobody(tmp_path, origin, key, backends):
    origin.say(backends[0])
    new = tmp_path / "new"
    new.write_text("the next secret, as long as the first")
    (tmp_path / "new_previous").write_bytes(key.read_bytes())
    with (
        origin.run("--key-file", str(key)) as first,
        follower(tmp_path / "follower", "--feed", first.feed, "--key-file", str(new)) as second,
    ):
        until(lambda: second.get()[0] == 200, "the previous key is good")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--feed", "127.0.0.1:1"], "must share a key, and there is none; give them --key-file"),
        (["--feed", "127.0.0.1:1", "--feed-listen", "127.0.0.1:0"], "do not go together"),
        (["--feed", "nonsense"], "write NAME:PORT"),
        (["--backend", "127.0.0.1:1", "--listen", "off"], "give it --feed-listen"),
        (["--backend", "127.0.0.1:1", "--key-file", "/nonexistent/key"], "no such file; make it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_work_is_said_at_once(tmp_path, args, says):
    if "nonsense" in args:
        (tmp_path / "key").write_text("a secret of 32 bytes and a bit more")
        args = [*args, "--key-file", str(tmp_path / "key")]
    listen = [] if "--listen" in args else ["--listen", "127.0.0.1:0"]
    done = faststicky("run", *listen, "--admin", "off", "--state-dir", str(tmp_path / "state"), *args)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
