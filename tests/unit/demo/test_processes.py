from __future__ import annotations

import contextlib
import os
import signal

import pytest

from faststicky.demo import processes
from faststicky.demo.processes import Cast, DemoError

WHOAMI = ("whoami", "--listen", "127.0.0.1", "--port", "0", "--name", "ann")


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_nobody_outlives_the_cast():
    cast = Cast()
    with contextlib.suppress(RuntimeError), cast:
        players = [cast.start(name, *WHOAMI) for name in ("one", "two")]
        assert [player.first_line(30).split()[0] for player in players] == ["ann", "ann"]
        assert cast.running("one")
        players[0].stop()
        assert not cast.running("one")
        raise RuntimeError
    assert all(gone(player._process.pid) for player in players)


def test_one_that_does_not_start(capfd):
    with Cast() as cast:
        player = cast.start("broken", "whoami", "--port", "no")
        with pytest.raises(DemoError, match="broken did not start"):
            player.first_line(30)
        with pytest.raises(DemoError, match="broken ended with exit code 2"):
            player.wait_for(lambda: False, 30)


def test_one_that_is_never_ready():
    with Cast() as cast:
        player = cast.start("slow", *WHOAMI)
        with pytest.raises(DemoError, match=r"slow was not ready within 0\.1 s"):
            player.wait_for(lambda: False, 0.1)
        player.wait_for(lambda: True, 0.1)


def test_one_that_does_not_listen_to_reason_is_killed(monkeypatch):
    monkeypatch.setattr(processes, "STOP_PATIENCE", 0.2)
    with Cast() as cast:
        player = cast.start("stopped", *WHOAMI)
        player.first_line(30)
        os.kill(player._process.pid, signal.SIGSTOP)
        player.stop()
        assert player._process.returncode == -signal.SIGKILL
