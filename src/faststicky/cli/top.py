"""`faststicky top`: live in the terminal."""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import re
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from typing import Any

import click

from faststicky.cli.admin_client import DEFAULT, AdminClient
from faststicky.cli.sections import SectionedCommand, SectionOption
from faststicky.errors import FaststickyError

ONCE = 10.0  # seconds that --once waits for numbers
WAIT = 0.2  # seconds that a key is waited for
SCROLLS = {"\x1b[A": -1, "\x1b[B": 1, "\x1bOA": -1, "\x1bOB": 1, "k": -1, "j": 1, "\x1b[5~": -10, "\x1b[6~": 10}
_KEY = re.compile(r"\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)
AGAIN = 2.0  # seconds from a lost connection to the next try


@click.command(cls=SectionedCommand)
@click.option("--admin", cls=SectionOption, default=DEFAULT, metavar="URL", envvar="FASTSTICKY_TOP_ADMIN",
              help="Admin server of the proxy.")  # fmt: skip
@click.option("--service", cls=SectionOption, default="", metavar="NAME", show_default=False,
              envvar="FASTSTICKY_TOP_SERVICE", help="Only this one at first.")  # fmt: skip
@click.option("--once", cls=SectionOption, is_flag=True, show_default=False, envvar="FASTSTICKY_TOP_ONCE",
              help="One picture, then the end; what also happens where there is no terminal.")  # fmt: skip
def top(admin: str, service: str, once: bool) -> None:
    """Services and tasks live, from a proxy's admin server.

    Keys: q quit, s sort, tab one service or all, / filter, arrows scroll, w label warnings, e events.
    """
    from rich.console import Console

    from faststicky.observe.live_view import Choice, LiveView

    client, view, choice = AdminClient(admin), LiveView(), Choice(service=service)
    news: queue.Queue[tuple[str, Any] | FaststickyError] = queue.Queue(1000)
    for event in client.ask("/api/events")["events"]:  # what is wrong from the start is an error, not a picture
        view.take("event", event)
    threading.Thread(target=_listen, args=(client, news), daemon=True).start()
    console = Console()
    if once or console.is_dumb_terminal or not (sys.stdin.isatty() and console.is_terminal):
        while not view.numbers:
            try:
                _take(view, news.get(timeout=ONCE))
            except queue.Empty:
                raise FaststickyError("no numbers came", where=client.url, remedy="try again") from None
        console.print(view.render(choice, console.width, 10_000))
        return
    with contextlib.suppress(OSError):  # the terminal is gone
        _live(view, choice, news, console)


def _live(view: Any, choice: Any, news: queue.Queue[tuple[str, Any] | FaststickyError], console: Any) -> None:
    """Until somebody quits. Raises OSError when the terminal goes away."""
    from rich.live import Live

    with _keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        changed, size = True, console.size
        while True:
            with contextlib.suppress(queue.Empty):
                while True:
                    _take(view, news.get_nowait())
                    changed = True
            if changed or size != console.size:  # nothing is written over a slow line for nothing
                size = console.size
                live.update(view.render(choice, *size), refresh=True)
            pressed = keys()
            if pressed is None:
                return
            changed = bool(pressed)
            for key in pressed:
                if key in ("q", "\x03") and not choice.typing:
                    return
                press(choice, key, view.services)


def press(choice: Any, key: str, services: list[str]) -> None:
    """What a key does to the choice."""
    from faststicky.observe.live_view import SORTS

    if choice.typing:
        if key in ("\r", "\n"):
            choice.typing = False
        elif key in ("\x1b", "\x03"):
            choice.typing, choice.filter = False, ""
        elif key in ("\x7f", "\b"):
            choice.filter = choice.filter[:-1]
        elif len(key) == 1 and key.isprintable():
            choice.filter += key
    elif key == "/":
        choice.typing = True
    elif key == "\x1b":
        choice.filter = choice.service = ""
        choice.panel, choice.offset = "services", 0
    elif key in ("w", "e"):
        panel = {"w": "warnings", "e": "events"}[key]
        choice.panel, choice.offset = "services" if choice.panel == panel else panel, 0
    elif key in SCROLLS:
        choice.offset = max(0, choice.offset + SCROLLS[key])
    elif key == "s":
        choice.sort = SORTS[(SORTS.index(choice.sort) + 1) % len(SORTS)]
    elif key == "\t":
        around = ["", *services]
        at = around.index(choice.service) if choice.service in around else 0
        choice.service, choice.offset = around[(at + 1) % len(around)], 0


def split_keys(text: str) -> list[str]:
    """An arrow is one key; over a slow line several come at once."""
    return _KEY.findall(text)


def _take(view: Any, news: tuple[str, Any] | FaststickyError) -> None:
    if isinstance(news, FaststickyError):
        view.problem = str(news)
    else:
        view.take(*news)


def _listen(client: AdminClient, news: queue.Queue[tuple[str, Any] | FaststickyError]) -> None:
    """In a thread of its own, for ever; a lost connection is made again."""
    from faststicky.observe.live_view import messages

    while True:
        try:
            with client.live() as response:
                for event in client.ask("/api/events")["events"]:  # what happened meanwhile
                    news.put(("event", event))
                for message in messages(response):
                    news.put(message)
            news.put(FaststickyError("the proxy has ended the connection", where=client.url))
        except FaststickyError as error:
            news.put(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            news.put(FaststickyError(f"connection lost: {error}", where=client.url))
        time.sleep(AGAIN)


@contextlib.contextmanager
def _keys() -> Iterator[Any]:
    """Keys of the terminal, without waiting for Enter; none when none came for a moment, None when it is gone."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)

    def keys() -> list[str] | None:
        if not select.select([fd], [], [], WAIT)[0]:
            return []
        try:
            pressed = os.read(fd, 1024)
        except OSError:
            return None
        return split_keys(pressed.decode(errors="ignore")) if pressed else None

    try:
        yield keys
    finally:
        with contextlib.suppress(termios.error):  # it is gone
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
