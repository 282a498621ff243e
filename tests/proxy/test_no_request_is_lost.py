"""Stopping, reloading and replacing cost no request that was accepted."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter

import pytest

from proxy.running import PATIENCE, proxy, until, whoami


@pytest.fixture(scope="module")
def backends():
    with whoami("ann") as ann, whoami("bob") as bob:
        yield ["--backend", ann, "--backend", bob]


def exchange(client: socket.socket, path: str) -> bytes:
    """One whole answer on an open connection, b"" if it was closed before the first byte."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(65536)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        part = client.recv(65536)
        assert part, "cut off within the body"
        body += part
    return head + b"\r\n\r\n" + body


class Visitors:
    """Threads that send requests, each on a new connection, until told to stop."""

    def __init__(self, running, number: int = 3, path: str = "/slow?ms=20") -> None:
        self.outcomes: Counter[str] = Counter()
        self._running = running
        self._path = path
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._visit) for _ in range(number)]

    def _visit(self) -> None:
        while not self._stop.is_set():
            try:
                client = self._running.connect()
            except ConnectionRefusedError:
                self.outcomes["refused"] += 1
                return
            with client:
                try:
                    answer = exchange(client, self._path)
                    self.outcomes[
                        "200" if answer.startswith(b"HTTP/1.1 200 ") else answer[:12].decode() or "empty"
                    ] += 1
                except ConnectionResetError:
                    self.outcomes["reset"] += 1

    def __enter__(self) -> Visitors:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def wait_for(self, number: int) -> None:
        goal = self.outcomes["200"] + number
        until(lambda: self.outcomes["200"] >= goal, f"{number} more answers")


def test_requests_under_way_are_finished_when_it_stops(tmp_path, backends):
    with proxy(tmp_path, *backends) as running:
        clients = [running.connect() for _ in range(8)]
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda c=client: answers.append(exchange(c, "/slow?ms=1500"))) for client in clients
        ]
        for thread in threads:
            thread.start()
        until(lambda: running.api("/api/stats")["total"]["live"]["exchanges"] == 8, "8 requests under way")
        assert running.stop() == 0
        for thread in threads:
            thread.join(PATIENCE)
        for client in clients:
            client.close()
        assert len(answers) == 8
        for answer in answers:
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nconnection: close\r\n" in answer.lower()


def test_stopping_under_load(tmp_path, backends):
    with proxy(tmp_path, *backends, "--workers", "2") as running:
        with Visitors(running) as visitors:
            visitors.wait_for(20)
            assert running.stop() == 0
        # who came after the listeners were closed was turned away before a connection was made
        assert set(visitors.outcomes) <= {"200", "refused"}


def test_while_idle_clients_leave_others_still_come_in(tmp_path, backends):
    """In a Swarm nobody else can have the port before this process has ended."""
    with proxy(tmp_path, *backends, "--workers", "2") as running, running.connect() as idle:
        assert exchange(idle, "/").startswith(b"HTTP/1.1 200 ")
        running.process.send_signal(signal.SIGTERM)
        until(lambda: running.events("stopping"), "the signal")
        begun = time.monotonic()
        with running.connect() as late:
            answer = exchange(late, "/")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nconnection: close\r\n" in answer.lower()
            assert late.recv(1) == b""
        assert idle.recv(1) == b""  # closed politely, after it has been idle for a while
        assert time.monotonic() - begun > 1
        assert running.stop() == 0


def cut_short(running) -> bool:
    return any(line["event"].startswith("stopping at once") for line in running.log)


def test_grace_is_the_limit_and_a_second_signal_ends_it_at_once(tmp_path, backends):
    with proxy(tmp_path, *backends, "--grace", "500ms") as running, running.connect() as client:
        client.sendall(b"GET /slow?ms=50000 HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: running.api("/api/stats")["total"]["live"]["exchanges"] == 1, "the request")
        begun = time.monotonic()
        assert running.stop() == 0
        assert 0.4 < time.monotonic() - begun < 20
    with proxy(tmp_path, *backends, "--grace", "10m") as running, running.connect() as client:
        client.sendall(b"GET /slow?ms=50000 HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: running.api("/api/stats")["total"]["live"]["exchanges"] == 1, "the request")
        running.process.send_signal(signal.SIGTERM)
        until(lambda: running.events("stopping"), "the first signal")
        running.process.send_signal(signal.SIGTERM)  # at once: the same wish, told to the process and to its group
        time.sleep(1)
        assert not cut_short(running)
        assert running.stop() == 0
        assert cut_short(running)


def test_a_worker_that_leaves_costs_nothing(tmp_path, backends):
    with proxy(tmp_path, *backends) as running:
        with Visitors(running) as visitors:
            for _ in range(3):
                visitors.wait_for(10)
                (old,) = {worker["pid"] for worker in running.api("/api/stats")["workers"]}
                os.kill(old, signal.SIGTERM)
                until(lambda old=old: old not in running.workers(), "the old worker's end")
            visitors.wait_for(10)
        assert set(visitors.outcomes) == {"200"}
        assert running.api("/api/stats")["restarts"] == 3


def test_a_killed_worker_is_replaced(tmp_path, backends):
    with proxy(tmp_path, *backends, "--workers", "2") as running:
        first = running.workers()
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len(running.workers()) == 2 and first[0] not in running.workers(), "the new worker")
        until(lambda: running.api("/ready")["ready"], "readiness")
        assert [running.get()[0] for _ in range(10)] == [200] * 10
        assert running.events("worker died")[0]["cause"] == "signal SIGKILL"


def test_workers_do_not_outlive_a_killed_supervisor(tmp_path, backends):
    with proxy(tmp_path, *backends, "--workers", "2") as running:
        workers = running.workers()
        assert len(workers) == 2
        running.process.kill()
        running.process.wait(PATIENCE)
        for pid in workers:
            until(lambda pid=pid: not os.path.exists(f"/proc/{pid}"), f"the end of worker {pid}")  # noqa: PTH110


def test_reloading_costs_nothing(tmp_path):
    with whoami("ann") as ann, whoami("bob") as bob:
        path = tmp_path / "proxy.toml"
        text = '[services.web]\nbackends = ["{}"]\n[[routes]]\nrule = "PathPrefix(`/`)"\nservice = "web"\n'
        path.write_text(text.format(ann))
        with proxy(tmp_path, "--config", str(path)) as running:
            with Visitors(running) as visitors:
                for url in (bob, ann, bob, ann):
                    generation = running.api("/ready")["workers"][0]["generation"]
                    path.write_text(text.format(url))
                    running.process.send_signal(signal.SIGHUP)
                    until(lambda g=generation: running.api("/ready")["workers"][0]["generation"] == g + 1, "the table")
                    visitors.wait_for(10)
            assert set(visitors.outcomes) == {"200"}
