"""Names that are followed: what answers mean, and that they are asked for."""

from __future__ import annotations

import socket
import threading

import pytest

from faststicky.discovery import dns_names
from faststicky.discovery.dns_names import Answers, Name, Names, parse, resolve
from faststicky.errors import ConfigError
from patience import seconds

WEB = Name("web", 8000)
PATIENCE = seconds(60.0)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def answers(clock) -> Answers:
    return Answers(WEB, clock)


def states(answers: Answers) -> dict[str, str]:
    return {backend.host: backend.state for backend in answers.backends()}


def test_addresses_become_backends(answers):
    answers.found(["10.0.0.9", "10.0.0.5", "fd00::1"])
    assert [(b.id, b.name, b.host, b.port, b.state) for b in answers.backends()] == [
        ("http://10.0.0.5:8000", "10.0.0.5:8000", "10.0.0.5", 8000, "up"),
        ("http://10.0.0.9:8000", "10.0.0.9:8000", "10.0.0.9", 8000, "up"),
        ("http://[fd00::1]:8000", "[fd00::1]:8000", "fd00::1", 8000, "up"),
    ]
    assert (answers.problem, answers.answered) == ("", True)


def test_who_leaves_is_listed_for_a_moment(answers, clock):
    answers.found(["a", "b"])
    answers.found(["b"])
    clock.now += 1.0
    answers.found(["b"])
    assert states(answers) == {"a": "leaving", "b": "up"}
    clock.now += 1.01
    assert states(answers) == {"b": "up"}


def test_who_comes_back_is_up(answers, clock):
    answers.found(["a", "b"])
    answers.found(["b"])
    answers.found(["a", "b"])
    clock.now += 10
    assert states(answers) == {"a": "up", "b": "up"}


def test_one_empty_answer_is_not_believed_two_are(answers, clock):
    answers.found(["a"])
    answers.found([])
    clock.now += 10
    assert states(answers) == {"a": "up"}
    answers.found(["a"])
    answers.found([])
    assert states(answers) == {"a": "up"}
    answers.found([])
    assert states(answers) == {"a": "draining"}  # there is nobody to go to
    assert answers.problem == "it has no address"
    clock.now += dns_names.FAREWELL
    assert states(answers) == {}


def test_at_first_too(answers):
    answers.found([])
    assert not answers.answered
    answers.found([])
    assert answers.answered


def test_a_failure_says_nothing_about_addresses(answers, clock):
    answers.found(["a"])
    for _ in range(5):
        answers.failed("web: try again")
        clock.now += 10
    assert states(answers) == {"a": "up"}
    assert answers.problem == "web: try again"
    answers.found(["a"])
    assert answers.problem == ""


@pytest.mark.parametrize(
    ("text", "name"), [("web:80", Name("web", 80)), (" tasks.my_web.x:8000", Name("tasks.my_web.x", 8000))]
)
def test_names(text, name):
    assert parse(text, "--dns") == name
    assert str(name) == text.strip()


@pytest.mark.parametrize(
    "text", ["web", "web:", ":80", "web:0", "web:65536", "a b:1", "http://web:80", "[::1]:80", "a/b:1"]
)
def test_what_is_no_name(text):
    with pytest.raises(ConfigError, match=r"--dns: .* is not a name with a port; write NAME:PORT"):
        parse(text, "--dns")


def test_an_address_is_no_name():
    with pytest.raises(ConfigError, match="is an address; give it as a backend"):
        parse("10.0.0.5:80", "--dns")


def test_the_system_resolver():
    assert resolve("localhost") in (["127.0.0.1"], ["::1"])
    assert list(resolve("127.0.0.1")) == ["127.0.0.1"]
    with pytest.raises(OSError):
        resolve("no such name")


class Resolver:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, **known: list[str]) -> None:
        self.known: dict[str, list[str] | OSError] = dict(known)
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        answer = self.known.get(host, socket.gaierror(socket.EAI_NONAME, "not known"))
        if isinstance(answer, OSError):
            raise answer
        return answer


@pytest.fixture
def names():
    made = []

    def make(resolver) -> tuple[Names, threading.Event]:
        news = threading.Event()
        names = Names(resolver, interval=0.01)
        names.watch(news.set)
        made.append(names)
        return names, news

    yield make
    for one in made:
        one.close()
    left = [thread for thread in threading.enumerate() if thread.name.startswith("dns-")]
    for thread in left:  # of names that went: nobody waits for those
        thread.join(PATIENCE)
    assert not [thread for thread in left if thread.is_alive()]


def test_tasks_are_asked_for_first_and_then_nothing_else(names):
    resolver = Resolver(web=["10.0.0.2"])
    followed, news = names(resolver)
    followed.follow([WEB])
    assert [b.host for b in followed.of(WEB)[0]] == ["10.0.0.2"]
    assert resolver.asked[:2] == ["tasks.web", "web"]
    news.clear()
    resolver.known["tasks.web"] = ["10.0.0.5", "10.0.0.6"]
    assert news.wait(PATIENCE)
    assert {b.host for b in followed.of(WEB)[0] if b.state == "up"} == {"10.0.0.5", "10.0.0.6"}
    resolver.asked.clear()
    del resolver.known["tasks.web"]
    news.clear()
    assert news.wait(PATIENCE)
    assert set(resolver.asked) == {"tasks.web"}


def test_other_names_are_asked_for_as_they_are(names):
    resolver = Resolver(localhost=["127.0.0.1"], **{"tasks.web": ["10.0.0.5"]})
    followed, _ = names(resolver)
    wanted = [Name("localhost", 1), Name("tasks.web", 2)]
    followed.follow(wanted)
    assert [followed.of(name)[0][0].id for name in wanted] == ["http://127.0.0.1:1", "http://10.0.0.5:2"]
    assert set(resolver.asked) == {"localhost", "tasks.web"}


def test_failures_and_unknown_names(names):
    resolver = Resolver()
    resolver.known["tasks.web"] = socket.gaierror(socket.EAI_AGAIN, "try again")
    followed, news = names(resolver)
    unknown = Name("no.such", 1)
    followed.follow([WEB, unknown])
    assert followed.of(WEB) == ((), "tasks.web: try again", False)
    while not followed.of(unknown)[2]:
        assert news.wait(PATIENCE)
        news.clear()
    assert followed.of(unknown) == ((), "it has no address", True)


def test_a_resolver_that_hangs_holds_up_nobody(names, monkeypatch):
    monkeypatch.setattr(dns_names, "FIRST_ANSWER", 0.1)
    release = threading.Event()

    def resolver(host: str) -> list[str]:
        if host == "slow.x":
            release.wait(PATIENCE)
        return ["10.0.0.5"]

    followed, _ = names(resolver)
    quick, slow = Name("quick.x", 1), Name("slow.x", 1)
    try:
        followed.follow([quick, slow])
        assert len(followed.of(quick)[0]) == 1
        assert followed.of(slow) == ((), "", False)
    finally:
        release.set()


def test_names_come_and_go(names):
    resolver = Resolver(**{"a.x": ["10.0.0.1"], "b.x": ["10.0.0.2"]})
    followed, _ = names(resolver)
    followed.follow([Name("a.x", 1)])
    followed.follow([Name("b.x", 1)])
    assert len(followed.of(Name("b.x", 1))[0]) == 1
    with pytest.raises(KeyError):
        followed.of(Name("a.x", 1))
