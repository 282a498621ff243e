"""The control thread: what is published, when, and what no failure changes."""

from __future__ import annotations

import logging
import threading

import pytest

from faststicky.control import departure
from faststicky.control import thread as control
from faststicky.control.keyring import Key, Keyring
from faststicky.control.state import StateFile
from faststicky.control.thread import ControlThread
from faststicky.discovery.swarm import SwarmSource
from faststicky.errors import ConfigError, DiscoveryError
from faststicky.model import Warning
from unit.control.worlds import backend, service, snapshot
from unit.discovery import engine as fake

ONE = snapshot(service(backend("t1")))
PAUSES = control.FIRST_PAUSE, control.LAST_PAUSE
TWO = snapshot(service(backend("t1"), backend("t2")))
NONE = snapshot(service())


class Script:
    """A source that answers as it is told, one sync at a time: nothing depends on how fast the machine is."""

    name = "test"
    interval = 0.0

    def __init__(self):
        self.closed = threading.Event()
        self.watched = False
        self._turn = threading.Condition()
        self._answers = []
        self._waiting = False

    def discover(self):
        with self._turn:
            self._waiting = True
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._answers or self.closed.is_set())
            self._waiting = False
            answer = self._answers.pop(0) if self._answers else DiscoveryError("the script is over")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def watch(self, wake):
        self.watched = True

    def close(self):
        self.closed.set()

    def say(self, *answers):
        """Give these answers; return when all of them have been dealt with."""
        for answer in answers:
            with self._turn:
                assert self._turn.wait_for(lambda: self._waiting, 20)
                self._answers.append(answer)
                self._waiting = False
                self._turn.notify_all()
                assert self._turn.wait_for(lambda: self._waiting, 20)

    def release(self):
        with self._turn:
            self.closed.set()
            self._turn.notify_all()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    for name in ("FIRST_PAUSE", "LAST_PAUSE", "DEBOUNCE"):
        monkeypatch.setattr(control, name, 0.001)


@pytest.fixture
def run(tmp_path):
    started = []

    def start(publish=None, load_keyring=None):
        source, tables = Script(), []
        load_keyring = load_keyring or (lambda cluster, _: Keyring(Key(cluster.encode(), "cluster")))
        thread = ControlThread(source, publish or tables.append, state_dir=tmp_path, load_keyring=load_keyring)
        thread.start()
        started.append((source, thread))
        return source, thread, tables

    yield start
    for source, thread in started:
        thread._stopping.set()
        source.release()
        assert thread.stop(20)


def test_a_change_is_published_and_saved_and_nothing_else(run, tmp_path):
    source, thread, tables = run()
    source.say(ONE, ONE, TWO, TWO)
    assert [(t.generation, len(t.services[0].backends)) for t in tables] == [(1, 1), (2, 2)]
    assert StateFile(tmp_path).load("test").snapshot == TWO
    status = thread.status
    assert (status.generation, status.error, status.failures, status.snapshot) == (2, "", 0, TWO)
    assert status.age is not None
    assert source.watched


def test_a_failure_leaves_the_table(run, caplog):
    caplog.set_level(logging.INFO, "faststicky.control")
    source, thread, tables = run()
    source.say(ONE, DiscoveryError("gone"), DiscoveryError("gone"), ValueError("a bug"))
    status = thread.status
    assert (status.error, status.failures, status.snapshot) == ("a bug", 3, ONE)
    source.say(ONE)
    assert thread.status.error == ""
    assert len(tables) == 1
    lines = [r.getMessage() for r in caplog.records]
    assert sum("sync failed" in line for line in lines) == 2
    assert sum("sync works again" in line and "3 failures" in line for line in lines) == 1


def test_empty_is_believed_the_second_time(run):
    source, _, tables = run()
    source.say(ONE, NONE, ONE, NONE)
    assert [len(t.services[0].backends) for t in tables] == [1]
    source.say(NONE)
    assert [len(t.services[0].backends) for t in tables] == [1, 0]
    source.say(ONE)
    assert [len(t.services[0].backends) for t in tables] == [1, 0, 1]


def test_empty_at_first_is_news(run):
    source, _, tables = run()
    source.say(NONE)
    assert len(tables) == 1


def test_a_failure_between_does_not_confirm_emptiness(run):
    source, _, tables = run()
    source.say(ONE, NONE, DiscoveryError("gone"), ONE, NONE)
    assert len(tables) == 1


def test_the_saved_table_serves_until_the_source_answers(run, tmp_path, caplog):
    StateFile(tmp_path).save(TWO)
    source, thread, tables = run()
    source.say(DiscoveryError("gone"), DiscoveryError("gone"))
    assert [len(t.services[0].backends) for t in tables] == [2]
    assert thread.status.from_disk
    assert thread.status.age is None
    assert sum("saved table" in r.getMessage() for r in caplog.records) == 1
    source.say(NONE)  # not believed at once against a saved table either
    assert len(tables) == 1
    source.say(TWO)
    assert len(tables) == 1  # the saved one was right
    assert not thread.status.from_disk
    assert thread.status.age is not None


def test_a_source_that_answers_is_preferred_to_the_saved_table(run, tmp_path):
    StateFile(tmp_path).save(TWO)
    source, _, tables = run()
    source.say(ONE)
    assert [len(t.services[0].backends) for t in tables] == [1]


def test_a_publication_that_failed_is_repeated(run):
    tables = []

    def publish(table):
        tables.append(table)
        if len(tables) == 1:
            raise RuntimeError("no worker")

    source, thread, _ = run(publish)
    source.say(ONE)
    assert (thread.status.generation, thread.status.error) == (0, "no worker")
    source.say(ONE, ONE)
    assert [t.generation for t in tables] == [1, 1]
    assert thread.status.generation == 1


def test_another_cluster_means_another_key(run):
    loaded = []

    def load_keyring(cluster, _):
        loaded.append(cluster)
        if cluster == "bad":
            raise ConfigError("no", remedy="r")
        return Keyring(Key(cluster.encode(), "cluster"))

    source, thread, tables = run(load_keyring=load_keyring)
    other = snapshot(*ONE.services, cluster_id="c2")
    source.say(ONE, TWO, other, snapshot(*ONE.services, cluster_id="bad"))
    assert loaded == ["c1", "c2", "bad"]
    assert tables[0].services[0].backends[0].cookie_value != tables[2].services[0].backends[0].cookie_value
    assert thread.status.snapshot == other


def test_warnings_that_change_alone_publish_nothing(run):
    source, thread, tables = run()
    warned = snapshot(*ONE.services, warnings=(Warning(service="a", label="b", value="", text="c"),))
    source.say(ONE, warned)
    assert len(tables) == 1
    assert thread.status.snapshot is not None
    assert thread.status.snapshot.warnings == warned.warnings


STOPPING = snapshot(service(backend("t1", state="draining"), backend("t2")))


def states(table):
    return [b.state for b in table.services[0].backends]


def test_users_leave_in_time_also_while_the_source_fails(run, monkeypatch):
    monkeypatch.setattr(departure, "PATIENCE", 3600.0)
    source, thread, tables = run()
    source.say(STOPPING, DiscoveryError("gone"), STOPPING)
    assert [states(t) for t in tables] == [["draining", "up"]]
    monkeypatch.setattr(departure, "PATIENCE", 0.0)
    source.say(DiscoveryError("gone"))
    assert [states(t) for t in tables] == [["draining", "up"], ["leaving", "up"]]
    assert thread.status.error == "gone"
    assert thread.status.snapshot is not None
    assert thread.status.snapshot.services[0].backends[0].state == "leaving"
    source.say(STOPPING, TWO)
    assert [states(t) for t in tables[2:]] == [["up", "up"]]


def test_the_pause_ends_when_users_have_to_leave(monkeypatch):
    monkeypatch.setattr(departure, "PATIENCE", 0.05)

    class Slow(Script):
        interval = 3600.0

        def discover(self):
            return STOPPING

    left = threading.Event()

    def publish(table):
        if states(table) == ["leaving", "up"]:
            left.set()

    thread = ControlThread(Slow(), publish, load_keyring=lambda *_: Keyring(Key(b"k", "memory")))
    thread.start()
    assert left.wait(20)
    assert thread.stop(20)


def test_a_hint_ends_the_pause():
    class Slow(Script):
        interval = 3600.0
        answers = iter([ONE, TWO])

        def discover(self):
            return next(self.answers)

    published = threading.Event()
    thread = ControlThread(Slow(), lambda _: published.set(), load_keyring=lambda *_: Keyring(Key(b"k", "memory")))
    thread.start()
    assert published.wait(20)
    published.clear()
    thread.wake()
    assert published.wait(20)
    assert thread.stop(20)


def test_stop_is_prompt_and_closes_the_source():
    class Idle(Script):
        interval = 3600.0

        def discover(self):
            return ONE

    source, published = Idle(), threading.Event()
    thread = ControlThread(source, lambda _: published.set(), load_keyring=lambda *_: Keyring(Key(b"k", "memory")))
    thread.start()
    assert published.wait(20)
    assert thread.stop(20)
    assert source.closed.is_set()
    assert ControlThread(source, lambda _: None).stop(1)  # never started


def test_the_pause_after_failures_grows_to_a_bound(monkeypatch):
    monkeypatch.setattr(control, "FIRST_PAUSE", PAUSES[0])
    monkeypatch.setattr(control, "LAST_PAUSE", PAUSES[1])
    thread = ControlThread(Script(), lambda _: None)
    pauses = []
    for failures in range(1, 2000):
        thread._journal.failures = failures
        pauses.append(thread._back_off())
    assert 0.125 <= pauses[0] <= 0.25
    assert all(1.0 <= pause <= 2.0 for pause in pauses[10:])  # or the first change after an outage is seen late


def test_from_a_swarm_to_tables(tmp_path):
    """The whole way: an engine on a socket, the SDK, labels, tokens, a restart without Docker."""
    labels = {
        "traefik.port": "8000",
        "traefik.frontend.rule": "PathPrefix:/",
        "traefik.backend.loadbalancer.stickiness": "true",
    }
    tables, arrived = [], threading.Condition()

    def publish(table):
        with arrived:
            tables.append(table)
            arrived.notify_all()

    def backends_become(*expected):
        def reached():
            return bool(tables) and [(b.id, b.state) for b in tables[-1].services[0].backends] == [*expected]

        with arrived:
            return arrived.wait_for(reached, 30)

    with fake.running_engine(tmp_path / "d.sock") as engine:
        engine.services = [fake.service("whoami-service", labels)]
        engine.tasks = [fake.task("whoami-service", i, ("app", f"10.0.0.{i}/24"), ident=f"t{i}") for i in (1, 2)]
        source = SwarmSource(engine.endpoint, interval=0.05, busy_interval=0.02, own_ids=())
        thread = ControlThread(source, publish, state_dir=tmp_path / "state")
        thread.start()
        assert backends_become(("t1", "up"), ("t2", "up"))
        engine.faults["tasks"] = fake.garbage
        engine.tasks[0]["DesiredState"] = "shutdown"
        engine.faults.clear()
        assert backends_become(("t1", "draining"), ("t2", "up"))
        engine.tasks[0]["Status"]["State"] = "shutdown"
        assert backends_become(("t2", "up"))
        last = tables[-1].services[0]
        assert thread.stop(20)

    assert last.cookie.name == "_a49bc"
    assert {outcome for _, _, outcome in last.lookup} == {"task", "slot", "foreign"}
    tables.clear()
    thread = ControlThread(SwarmSource(engine.endpoint, own_ids=()), publish, state_dir=tmp_path / "state")
    thread.start()
    try:
        assert backends_become(("t2", "up"))
        assert tables[-1].services[0] == last  # the same key: nobody is moved
    finally:
        assert thread.stop(20)
