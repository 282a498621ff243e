from __future__ import annotations

import logging
import os
import pty
import queue
import select
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from click.testing import CliRunner

from faststicky.cli import main
from faststicky.cli.top import press, split_keys
from faststicky.observe.live_view import Choice
from unit.serve.served import served


def test_one_picture_where_there_is_no_terminal():
    with served() as (_admin, url):
        result = CliRunner().invoke(main, ["top", "--admin", url], catch_exceptions=False)
        assert result.exit_code == 0
        for part in ("web.t1@node1", "draining", "api.1@node1", "table 1"):
            assert part in result.output


def test_nobody_there():
    result = CliRunner().invoke(main, ["top", "--admin", "127.0.0.1:1"])
    assert (result.exit_code, "no answer" in result.output) == (1, True)


@pytest.mark.parametrize("terminal", ["xterm-256color", "dumb"])
def test_live_in_a_terminal(terminal):
    with served() as (admin, url):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "faststicky", "top", "--admin", url],
            stdin=theirs,
            stdout=theirs,
            env={**os.environ, "TERM": terminal, "NO_COLOR": "1", "COLUMNS": "100", "LINES": "30"},
        )
        os.close(theirs)
        seen = b""

        def until(text: bytes) -> None:
            nonlocal seen
            deadline = time.monotonic() + 30
            while text not in seen:
                assert time.monotonic() < deadline, seen[-2000:]
                if select.select([ours], [], [], 0.1)[0]:
                    try:
                        seen += os.read(ours, 65536)
                    except OSError:
                        break

        try:
            until(b"web.t1@node1")
            if terminal != "dumb":  # which cannot be written anew: one picture
                os.write(ours, b"/t2\r")
                until(b"filter: t2")
                os.write(ours, b"s")
                until(b"sort (rate)")
                admin.observer.recent.on_event(
                    {
                        "id": 9,
                        "time": "2026-11-22T12:13:14.000Z",
                        "level": "info",
                        "service": "",
                        "task": "",
                        "text": "hello",
                    }
                )
                until(b"12:13:14 hello")
                os.write(ours, b"q")
            while select.select([ours], [], [], 0.2)[0]:
                try:
                    os.read(ours, 65536)
                except OSError:
                    break
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
            os.close(ours)


def test_several_keys_at_once():
    assert split_keys("\x1b[B\x1b[B\x1bOAj\x1b[6~q") == ["\x1b[B", "\x1b[B", "\x1bOA", "j", "\x1b[6~", "q"]
    assert split_keys("\x1b") == ["\x1b"]
    assert split_keys("/é\r") == ["/", "é", "\r"]


def test_a_terminal_that_goes_away_ends_it():
    """Without a hang-up signal, as a process of `docker exec` that has no session of its own."""
    with served() as (_admin, url):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "faststicky", "top", "--admin", url],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm"},
        )
        assert process.stderr is not None
        os.close(theirs)
        try:
            seen = b""
            while b"web.t1@node1" not in seen:
                seen += os.read(ours, 65536)
            os.close(ours)
            assert process.stderr.read() == b""
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def test_what_happened_while_the_proxy_was_away(monkeypatch):
    from faststicky.cli import top
    from faststicky.cli.admin_client import AdminClient

    monkeypatch.setattr(top, "AGAIN", 0.05)
    news: queue.Queue[Any] = queue.Queue()

    def until(kind: str, text: str) -> None:
        while True:
            told = news.get(timeout=60)
            if isinstance(told, tuple) and told[0] == kind and text in str(told[1]):
                return

    with served() as (admin, url):
        threading.Thread(target=top._listen, args=(AdminClient(url), news), daemon=True).start()
        until("numbers", "")
        admin.observer.recent.on_event = lambda _event: None  # as if the connection had been lost before it was told
        logging.getLogger("faststicky.test_top").warning("something was wrong")
        for listener in list(admin.observer.feed._listeners):
            admin.observer.feed.leave(listener)
            listener.end()
        until("event", "something was wrong")


def test_keys():
    choice = Choice()
    press(choice, "s", [])
    assert choice.sort == "rate"
    for expected in ("a", "b", ""):
        press(choice, "\t", ["a", "b"])
        assert choice.service == expected
    for key in ("/", "w", "x", "\x7f", "q"):
        press(choice, key, [])
    assert (choice.typing, choice.filter) == (True, "wq")
    press(choice, "\r", [])
    assert (choice.typing, choice.filter) == (False, "wq")
    press(choice, "\x1b", [])
    assert choice.filter == ""
    press(choice, "/", [])
    press(choice, "\x1b", [])
    assert choice.typing is False
    press(choice, "", [])
    for key, panel in (("w", "warnings"), ("e", "events"), ("e", "services"), ("w", "warnings"), ("\x1b", "services")):
        press(choice, key, [])
        assert choice.panel == panel
    for key, offset in (("\x1b[B", 1), ("\x1b[6~", 11), ("\x1b[A", 10), ("\x1b[5~", 0), ("k", 0), ("j", 1), ("\t", 0)):
        press(choice, key, ["a"])
        assert choice.offset == offset
