"""The wall clock jumps, as it does when a machine learns the time: traffic, health, ages and counters go on.

Needs Debian's faketime. It lies about the wall clock alone, and to the processes of this test alone.
"""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from proxy.running import Proxy, fetch, proxy, until
from proxy.test_health_checks import FILE, application
from proxy.test_no_request_is_lost import Visitors

HOUR = 3600
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), Path("libfaketime.so.1: install faketime"))


class WallClock:
    """What the proxy's processes take for the time of day: `ahead` seconds after ours."""

    def __init__(self, folder: Path) -> None:
        assert LIBRARY.exists(), LIBRARY
        self._file = folder / "clock"
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # the same to older versions
        }

    def set(self, ahead: int) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+d}")
        new.replace(self._file)


def hours_ahead(running: Proxy) -> set[int]:
    """How far the clocks of a worker and of the supervisor are ahead of ours, by the dates of their own answers."""
    with running.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")  # no Host: the relay answers itself
        dates = [re.search(r"\r\nDate: (.*?)\r\n", client.recv(4096).decode(), re.IGNORECASE)[1]]  # type: ignore[index]
    dates.append(fetch(f"http://{running.admin}/ping")[2]["Date"])
    return {round((parsedate_to_datetime(date).timestamp() - time.time()) / HOUR) for date in dates}


def sessions(running: Proxy) -> int:
    """Users of the last minutes."""
    (service,) = running.api("/api/sessions")["services"]
    return int(service["sessions"])


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_step_of_the_wall_clock_disturbs_nothing(tmp_path: Path, step: int) -> None:
    clock = WallClock(tmp_path)
    with application("ann") as ann, application("bob") as bob:
        config = tmp_path / "proxy.toml"
        text = FILE.format(backends=f'"{ann.url}", "{bob.url}"') + (
            '\n[[routes]]\nrule = "PathPrefix(`/`)"\nservice = "web"\n'
        )
        config.write_text(text)
        options = ("--config", str(config), "--stats-interval", "500ms")
        with proxy(tmp_path, *options, **clock.environment) as running:
            until(lambda: running.get("/")[0] == 200, "an answer")
            workers = running.workers()
            generation = running.api("/ready")["generation"]
            with Visitors(running, path="/") as visitors:
                visitors.wait_for(20)
                users = until(lambda: sessions(running), "users are counted")
                clock.set(step)
                checks = ann.checks
                visitors.wait_for(50)
                until(lambda: ann.checks > checks + 5, "more health checks")
                until(lambda: hours_ahead(running) == {step // HOUR}, "the clock has jumped")
                assert sessions(running) >= users  # who has been here is not forgotten
                ready = running.api("/ready")
                assert ready["ready"]
                assert 0 <= ready["age"] < 30
                assert ready["generation"] == generation
                bob.health = 503  # is found out after two checks, as ever
                until(lambda: running.api("/ready")["generation"] == generation + 1, "bob is down")
                bob.health = 200
                until(lambda: running.api("/ready")["generation"] == generation + 2, "bob is up")
                clock.set(0)
                visitors.wait_for(50)
            assert set(visitors.outcomes) == {"200"}
            assert running.workers() == workers
            assert running.api("/api/stats")["restarts"] == 0
            assert running.stop() == 0
    lines = [line for line in (tmp_path / "output").read_text().splitlines() if '"scope":"total"' in line]
    assert lines
    for line in lines:
        assert 0 < float(line.partition('"interval":')[2].partition(",")[0]) < 60
