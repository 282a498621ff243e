"""Users who keep their cookies and never stop asking: what they notice while the Swarm moves."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from types import TracebackType
from typing import Self

from .client import Answer, get
from .lab import Lab

PAUSE = 0.02  # seconds between two requests of all users together


class User:
    """One browser: a kept connection, a cookie, and who answered, in order."""

    def __init__(self, lab: Lab, node: int) -> None:
        self._address = lab.address(node)
        self._connection: http.client.HTTPConnection | None = None
        self.cookie = ""
        self.answers: list[tuple[float, int, str]] = []  # (when, status, who)
        self.errors: list[str] = []

    @property
    def moves(self) -> int:
        """How often another task answered than the time before."""
        who = [body for _, status, body in self.answers if status == 200]
        return sum(one != other for one, other in itertools.pairwise(who))

    def ask(self) -> None:
        """One request; on a new connection only if the proxy said that the last answer was the last."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._address, 8080, timeout=10)
        try:
            self._connection.request("GET", "/", headers={"Cookie": self.cookie} if self.cookie else {})
            response = self._connection.getresponse()
            body = response.read().decode().strip()
        except (OSError, http.client.HTTPException) as error:
            self.errors.append(repr(error))
            self.close()
            return
        for field in response.headers.get_all("Set-Cookie", []):
            self.cookie = field.partition(";")[0]
        self.answers.append((time.monotonic(), response.status, body))
        if response.will_close:
            self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Asking:
    """A thread that asks from inside the lab for as long as the block lasts."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with self._lab.inside():
            self._ask()

    def _ask(self) -> None:
        """Until self._stop is set."""
        raise AssertionError(f"{type(self).__name__} does not say what to ask")


class Users(Asking):
    """Users of several nodes, one after the other."""

    def __init__(self, lab: Lab, *, nodes: tuple[int, ...] = (1, 2), each: int = 4) -> None:
        super().__init__(lab)
        self.all = [User(lab, node) for node in nodes for _ in range(each)]

    def _ask(self) -> None:
        while not self._stop.is_set():
            for user in self.all:
                user.ask()
                time.sleep(PAUSE)
        for user in self.all:
            user.close()

    @property
    def complaints(self) -> list[str]:
        """Whatever was no good answer."""
        return [
            *(f"user {i}: {error}" for i, user in enumerate(self.all) for error in user.errors),
            *(f"user {i}: {s} {b}" for i, user in enumerate(self.all) for _, s, b in user.answers if s != 200),
        ]


def sessions(lab: Lab, node: int, cookie: str, count: int) -> dict[str, str]:
    """New sessions until `count` tasks have one: who answers to its cookie."""
    found: dict[str, str] = {}
    for _ in range(20 * count):
        answer: Answer = get(lab, node)
        found.setdefault(answer.body.strip(), f"{cookie}={answer.cookies[cookie]}")
        if len(found) == count:
            return found
    raise AssertionError(f"only {len(found)} of {count} tasks get sessions")
