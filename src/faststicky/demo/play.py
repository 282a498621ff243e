"""The play: three backends and the proxy as real processes on loopback, and what their visitors see."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from faststicky.demo.processes import Cast, DemoError, Player

BACKENDS = ("ann", "bob", "cleo")
VISITORS = 30  # requests without a cookie; a multiple of the backends
VISITS = 10  # requests with one cookie
PATIENCE = 20.0  # seconds for anything to become true


class Proxy:
    """The proxy's addresses."""

    def __init__(self, ready: Path) -> None:
        """ready: what `run --ready-file` wrote."""
        addresses = json.loads(ready.read_text(encoding="utf-8"))
        self.listen: str = addresses["listen"][0]
        self.admin: str = addresses["admin"]

    def visit(self, cookie: str = "") -> tuple[str, str]:
        """One request on a new connection: who answered, and the cookie that came with it ("" for none)."""
        connection = http.client.HTTPConnection(self.listen, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
            response = connection.getresponse()
            text = response.read().decode()
            if response.status != 200:
                raise DemoError(f"the proxy answered {response.status}: {text.strip()}")
            return text.strip().removeprefix("I'm "), (response.getheader("Set-Cookie") or "").partition(";")[0]


class Play:
    """Each act shows one property and adds to `failures` what was not as promised."""

    def __init__(self, proxy: Proxy, backends: dict[str, Player], console: Console) -> None:
        self.failures: list[str] = []
        self._proxy = proxy
        self._backends = backends
        self._say = console.print

    def without_cookie(self) -> None:
        """New visitors are spread evenly."""
        self._say(f"\n[bold]1. {VISITORS} visitors without a cookie[/] are spread over the backends:")
        counts = Counter(self._proxy.visit()[0] for _ in range(VISITORS))
        table = Table("backend", "requests", box=None)
        for name in BACKENDS:
            table.add_row(f"I'm {name}", f"{counts[name]:3}  {'#' * counts[name]}")
        self._say(table)
        self._check(set(counts) == set(BACKENDS), f"not every backend was visited: {dict(counts)}")
        self._check(max(counts.values()) - min(counts.values()) <= 3, f"the spread is uneven: {dict(counts)}")

    def with_cookie(self) -> tuple[str, str]:
        """A visitor who shows the cookie stays; where, and the cookie."""
        home, cookie = self._proxy.visit()
        self._say(f"\n[bold]2. {VISITS} requests with the cookie[/] of one visitor stay where it began:")
        self._command("")
        self._say(f"   < Set-Cookie: {cookie}\n   I'm {home}")
        self._check(bool(cookie), "the first answer set no cookie")
        answers = [self._proxy.visit(cookie) for _ in range(VISITS)]
        self._command(cookie)
        self._say(f"   {' '.join(name for name, _ in answers)}")
        self._check({name for name, _ in answers} == {home}, f"the visitor left {home}")
        self._check(not any(again for _, again in answers), "a cookie was set again although it was known")
        return home, cookie

    def backend_stops(self, home: str, cookie: str) -> None:
        """The visitor of a backend that stops moves once, and stays again."""
        self._say(f"\n[bold]3. {home} stops.[/] Its visitor moves once, with a new cookie, and stays again:")
        self._backends[home].stop()
        answers: list[str] = []
        moves = 0
        for _ in range(VISITS):
            name, again = self._proxy.visit(cookie)
            answers.append(name)
            if again:
                moves += 1
                cookie = again
                self._say(f"   < Set-Cookie: {cookie}")
        self._command(cookie)
        self._say(f"   {' '.join(answers)}")
        self._check(home not in answers, f"{home} answered although it was stopped")
        self._check(len(set(answers)) == 1, f"the visitor did not stay: {answers}")
        self._check(moves == 1, f"the cookie was set {moves} times instead of once")

    def _command(self, cookie: str) -> None:
        option = f' --cookie "{cookie}"' if cookie else ""
        self._say(f"   $ curl http://{self._proxy.listen}/{option}", highlight=False)

    def _check(self, holds: bool, failure: str) -> None:
        if not holds:
            self.failures.append(failure)
            self._say(f"   [bold red]not as promised:[/] {failure}")


def play(*, stay: bool = False) -> int:
    """The whole play on standard output; the exit code. stay: keep everything up until Ctrl-C."""
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    try:
        with _interruptible(), tempfile.TemporaryDirectory(prefix="faststicky-demo-") as folder, Cast() as cast:
            backends, proxy = _raise_curtain(cast, Path(folder), console)
            acts = Play(proxy, backends, console)
            acts.without_cookie()
            acts.backend_stops(*acts.with_cookie())
            if acts.failures:
                console.print(f"\n[bold red]demo: FAILED[/] {'; '.join(acts.failures)}")
                return 1
            console.print(f"\n[bold green]demo: OK[/] three acts in {time.monotonic() - started:.1f} s")
            if stay:
                _stay(cast, proxy, console)
    except DemoError as error:
        console.print(f"\n[bold red]demo: FAILED[/] {error}")
        return 1
    except KeyboardInterrupt:
        return 0 if stay else 130
    return 0


def _raise_curtain(cast: Cast, folder: Path, console: Console) -> tuple[dict[str, Player], Proxy]:
    console.print("Three backends, each a process that answers with its name:")
    backends, options = {}, []
    for name in BACKENDS:
        player = cast.start(name, "whoami", "--listen", "127.0.0.1", "--port", "0", "--name", name)
        address = player.first_line(PATIENCE).rpartition(" ")[2]
        console.print(f"   $ faststicky whoami --name {name}  [dim]# {address}[/]")
        backends[name] = player
        options += ["--backend", f"http://{address}"]
    ready = folder / "ready.json"
    proxy = cast.start(
        "proxy", "run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1", "--log-level", "error",
        "--stats-interval", "0",
        "--state-dir", str(folder / "state"), "--ready-file", str(ready), *options,
    )  # fmt: skip
    proxy.wait_for(ready.exists, PATIENCE)
    front = Proxy(ready)
    addresses = f"--listen {front.listen} --admin {front.admin}"
    console.print(f"and the proxy before them:\n   $ faststicky run {addresses} {' '.join(options)}")
    return backends, front


def _stay(cast: Cast, proxy: Proxy, console: Console) -> None:
    console.print(f"\nproxy http://{proxy.listen}/\npage  http://{proxy.admin}/\nCtrl-C ends it")
    sys.stdout.flush()
    while cast.running("proxy"):
        time.sleep(0.2)
    raise DemoError("the proxy ended")


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM is as good as Ctrl-C, so that no process is left behind."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
