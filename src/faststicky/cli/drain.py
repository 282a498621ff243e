"""`faststicky drain`: no new sessions for a task."""

from __future__ import annotations

import sys
import time
import urllib.parse
from typing import Any

import click

from faststicky.cli.admin_client import DEFAULT, AdminClient, token_of
from faststicky.cli.parameters import DURATION
from faststicky.cli.sections import SectionedCommand, SectionOption

POLL = 1.0  # seconds
EXIT_NOT_EMPTY = 3


@click.command(cls=SectionedCommand)
@click.argument("task")
@click.option("--undo", cls=SectionOption, is_flag=True, show_default=False, envvar="FASTSTICKY_DRAIN_UNDO",
              help="New sessions again.")  # fmt: skip
@click.option("--wait", cls=SectionOption, type=DURATION, default="0", show_default=False,
              envvar="FASTSTICKY_DRAIN_WAIT", help="Until the task has had no user for some minutes and no request is under "
              "way, at most so long (30m).")  # fmt: skip
@click.option("--admin", "admins", cls=SectionOption, multiple=True, default=(DEFAULT,), metavar="URL",
              envvar="FASTSTICKY_DRAIN_ADMIN", help="Admin server of the proxy; repeat it for each proxy.")  # fmt: skip
@click.option("--token-file", cls=SectionOption, default="", metavar="FILE", show_default=False,
              envvar="FASTSTICKY_TOKEN_FILE", help="The proxy's --admin-token-file, where it has one; or put its content into "
              "FASTSTICKY_ADMIN_TOKEN.")  # fmt: skip
def drain(task: str, undo: bool, wait: float, admins: tuple[str, ...], token_file: str) -> None:
    """No new sessions to TASK (web.3, web.3@node2, or an ID); its users stay until they leave or the task ends.

    Each proxy decides for itself: name all of them. Users count as gone 5 to 10 minutes after their last request.
    Exit codes: 0 done, 1 failed, 3 still in use when the time of --wait was over.
    """
    token = token_of(token_file)
    clients = [AdminClient(admin, token) for admin in admins]
    path = f"/api/backends/{urllib.parse.quote(task, safe='')}/drain"
    drained: list[tuple[AdminClient, set[str]]] = []
    for client in clients:
        answer = client.ask(path, "DELETE" if undo else "POST")
        drained.append((client, set(answer["backends"])))
        what = "takes new sessions again" if undo else "is drained"
        for name in answer["backends"]:
            click.echo(f"{name} {what} at {client.url}")
        if not answer["kept"]:
            click.echo("it will not survive a restart of the proxy: its state directory cannot be written to", err=True)
    if undo or not wait:
        return
    until, last = time.monotonic() + wait, ""
    while True:
        users, in_flight = (sum(numbers) for numbers in zip(*(_use(*one) for one in drained), strict=True))
        if not users and not in_flight:
            click.echo(f"{task} has no users")
            return
        if (told := f"{task}: {users} users, {in_flight} requests in flight") != last:
            click.echo(told)
            last = told
        if time.monotonic() >= until:
            click.echo(f"{task} is still in use", err=True)
            sys.exit(EXIT_NOT_EMPTY)
        time.sleep(min(POLL, max(0.0, until - time.monotonic())))


def _use(client: AdminClient, names: set[str]) -> tuple[int, int]:
    """Users and requests in flight; a task that is gone has neither."""
    backends: list[dict[str, Any]] = client.ask("/api/backends")["backends"]
    counts = [backend["counts"] for backend in backends if backend["name"] in names]
    return sum(count["sessions"] for count in counts), sum(count["in_flight"] for count in counts)
