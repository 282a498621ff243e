"""Names that are followed: what addresses they have now, asked from the system's resolver once a second.

Made for Docker's embedded DNS, where `tasks.SERVICE` has the address of every task that is ready, and which takes a
task out of it 2 seconds before its stop signal. It answers with a time to live of 600 s, which is not what it means and
which getaddrinfo does not look at. A call cannot be interrupted and may last as long as the resolver's patience (in
resolv.conf), so each name has a thread of its own; it is a daemon, and is left behind if it hangs when all ends.

A name without a dot is tried as `tasks.NAME` first; once that has answered it is the only one that is asked, since the
bare name of a service with a virtual address is one address for all tasks.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from faststicky.errors import ConfigError
from faststicky.labels.values import shown
from faststicky.model import Backend, BackendState

log = logging.getLogger("faststicky.discovery")

INTERVAL = 1.0  # seconds between two questions
FAREWELL = 2.0  # seconds that an address which is no longer in the answer is listed on
FIRST_ANSWER = 2.0  # seconds that the first table waits for answers
_NOT_FOUND = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,250}[A-Za-z0-9_])?\.?")

Resolve = Callable[[str], Sequence[str]]


class Name(NamedTuple):
    """A host name, and the port at which its addresses are spoken to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse(text: str, where: str) -> Name:
    """From "web:8000" or "tasks.web:8000". Raises ConfigError."""
    host, _, port = text.strip().rpartition(":")
    remedy = "write NAME:PORT, for example tasks.web:8000"
    if not _NAME.fullmatch(host) or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ConfigError(f"{shown(text)} is not a name with a port", where=where, remedy=remedy)
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        raise ConfigError(f"{shown(text)} is an address", where=where, remedy="give it as a backend: http://IP:PORT")
    return Name(host, int(port))


def resolve(host: str) -> Sequence[str]:
    """IPv4 addresses, IPv6 ones where there is none: a task that has both is one task. Raises OSError."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return sorted(one for one in found if ":" not in one) or sorted(one for one in found if "%" not in one)


class Answers:
    """What the answers about one name amount to. An empty one is believed when the next one is empty too; one that
    failed says nothing about addresses, so the last ones stay."""

    def __init__(self, name: Name, clock: Callable[[], float] = time.monotonic) -> None:
        self.problem = ""  # of the last question
        self.answered = False  # ever
        self._name = name
        self._clock = clock
        self._gone: dict[str, float | None] = {}  # address: since when it is no longer in the answer
        self._empty = 0  # in a row

    def found(self, addresses: Sequence[str]) -> None:
        """An answer, be it that there is no such name."""
        self._empty = 0 if addresses else self._empty + 1
        self.problem = "" if addresses else "it has no address"
        if self._empty == 1:
            return
        self.answered = True
        now = self._clock()
        for address in self._gone:
            if address not in addresses and self._gone[address] is None:
                self._gone[address] = now
        self._gone.update(dict.fromkeys(addresses))

    def failed(self, problem: str) -> None:
        """No answer."""
        self.problem = problem

    def backends(self) -> tuple[Backend, ...]:
        """Ordered by address. Who has gone is left while there is anybody else to go to, and kept to the end if not."""
        now = self._clock()
        self._gone = {a: since for a, since in self._gone.items() if since is None or now - since < FAREWELL}
        state: BackendState = "leaving" if None in self._gone.values() else "draining"
        return tuple(
            _backend(address, self._name.port, "up" if since is None else state)
            for address, since in sorted(self._gone.items())
        )


def _backend(address: str, port: int, state: BackendState) -> Backend:
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return Backend(id=f"http://{place}", name=place, host=address, port=port, state=state)


class _Follower:
    """One name, and the thread that asks about it."""

    def __init__(self, name: Name, resolve: Resolve, interval: float, wake: Callable[[], None]) -> None:
        self._resolve = resolve
        self._interval = interval
        self._wake = wake
        self._answers = Answers(name)
        self._guard = threading.Lock()
        self._stopped = threading.Event()
        self.asked = threading.Event()  # once at least
        plain = "." not in name.host and name.host != "localhost"
        self._hosts = [f"tasks.{name.host}", name.host] if plain else [name.host]
        self._thread = threading.Thread(target=self._run, name=f"dns-{name.host}", daemon=True)
        self._thread.start()

    def now(self) -> tuple[tuple[Backend, ...], str, bool]:
        """Backends, what is wrong ("" for nothing), and whether there ever was an answer."""
        with self._guard:
            return self._answers.backends(), self._answers.problem, self._answers.answered

    def stop(self, patience: float) -> None:
        self._stopped.set()
        self._thread.join(patience)

    def _run(self) -> None:
        while not self._stopped.is_set():
            before = self.now()
            self._ask()
            self.asked.set()
            if self.now() != before:
                self._wake()
            self._stopped.wait(self._interval)

    def _ask(self) -> None:
        problem = ""
        for host in tuple(self._hosts):
            try:
                addresses = self._resolve(host)
            except OSError as error:
                if error.errno not in _NOT_FOUND:
                    problem = f"{host}: {error.strerror or error}"
                continue
            except UnicodeError:  # of a name that cannot be one
                continue
            if addresses:
                if len(self._hosts) > 1 and host == self._hosts[0]:
                    del self._hosts[1]
                with self._guard:
                    self._answers.found(addresses)
                return
        with self._guard:
            if problem:
                self._answers.failed(problem)
            else:
                self._answers.found(())


class Names:
    """All names that a source follows."""

    def __init__(self, resolve: Resolve = resolve, interval: float = INTERVAL) -> None:
        self._resolve = resolve
        self._interval = interval
        self._followers: dict[Name, _Follower] = {}
        self._wakes: list[Callable[[], None]] = []

    def watch(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from any thread, when any answer has changed."""
        self._wakes.append(wake)

    def follow(self, names: Collection[Name]) -> None:
        """These from now on, and no others. Waits a moment for the first answers about new ones."""
        for name in [name for name in self._followers if name not in names]:
            self._followers.pop(name).stop(0)
        new = [name for name in dict.fromkeys(names) if name not in self._followers]
        for name in new:
            self._followers[name] = _Follower(name, self._resolve, self._interval, self._wake)
        until = time.monotonic() + FIRST_ANSWER
        for name in new:
            self._followers[name].asked.wait(max(0.0, until - time.monotonic()))

    def of(self, name: Name) -> tuple[tuple[Backend, ...], str, bool]:
        """Backends of a name that is followed, what is wrong ("" for nothing), whether there ever was an answer."""
        return self._followers[name].now()

    def close(self) -> None:
        """Ask no more. A question under way is left behind after a moment."""
        until = time.monotonic() + 1.0
        for follower in self._followers.values():
            follower.stop(0)
        for follower in self._followers.values():
            follower.stop(max(0.0, until - time.monotonic()))
        self._followers.clear()

    def _wake(self) -> None:
        for wake in self._wakes:
            wake()
