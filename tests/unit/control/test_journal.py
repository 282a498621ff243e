"""The log: each thing once, on one line."""

from __future__ import annotations

import json
import logging

import pytest

from faststicky.control import journal as module
from faststicky.control.journal import MOST_NAMES, Journal, configuration, one_line
from faststicky.errors import DiscoveryError
from faststicky.model import Warning
from unit.control.worlds import backend, service, snapshot


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, "faststicky.control")
    return lambda: [record.getMessage() for record in caplog.records]


def test_each_error_once_and_its_end(lines):
    journal = Journal()
    for text in ("a", "a", "b", "a"):
        journal.failed(DiscoveryError(text, remedy="r"))
    assert lines() == ["sync failed, the last table stays: a; r", "sync failed, the last table stays: b; r"]
    assert journal.failures == 4
    journal.worked()
    assert lines()[2:] == ["sync works again after 0 s, 4 failures"]
    journal.worked()
    assert len(lines()) == 3
    journal.failed(DiscoveryError("a", remedy="r"))
    assert len(lines()) == 4


def test_an_outage_that_lasts_is_told_of_again(lines, monkeypatch):
    journal, now = Journal(), [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    for _ in range(130):
        journal.failed(DiscoveryError("a"))
        now[0] += 1.0
    assert lines() == [
        "sync failed, the last table stays: a",
        "no sync for 60 s, 61 failures, the last table stays: a",
        "no sync for 120 s, 121 failures, the last table stays: a",
    ]


def test_errors_that_always_differ_do_not_fill_the_log(lines):
    journal = Journal()
    for number in range(1000):
        journal.failed(DiscoveryError(f"error {number}"))
    assert len(lines()) < 100
    assert journal.failures == 1000


def test_a_bug_is_logged_with_its_traceback(caplog):
    Journal().failed(ZeroDivisionError("oops"))
    Journal().failed(DiscoveryError("no"))
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]


def warning(text):
    return Warning(service="web", label="traefik.port", value="8\n0", text=text)


def test_each_warning_once_until_it_comes_back(lines):
    journal = Journal()
    journal.warned((warning("a"), warning("a")))
    journal.warned((warning("a"), warning("b")))
    assert lines() == ["service web, traefik.port=8\\n0: a", "service web, traefik.port=8\\n0: b"]
    journal.warned(())
    journal.warned((warning("a"),))
    assert len(lines()) == 3


def test_a_publication_in_the_words_of_the_tutorial(lines):
    world = snapshot(service(backend("t1", name="whoami-service@node1"), name="backend-whoami-service"))
    Journal().published(world, 3)
    found, cookie, reloaded = lines()
    said = json.loads(found.removeprefix("Configuration found: "))
    assert said == configuration(world)
    assert said["backends"]["backend-whoami-service"] == {
        "servers": {"whoami-service@node1": {"url": "http://10.0.0.5:8000", "weight": 1, "state": "up"}},
        "loadBalancer": {"method": "wrr", "stickiness": {"cookieName": "_a49bc"}},
    }
    assert cookie == "Sticky session with cookie _a49bc (backend-whoami-service)"
    assert reloaded == "Server configuration reloaded: generation 3, services 1, backends 1 (up 1), routes 1"


def test_what_has_changed_of_each_service_and_why(caplog):
    caplog.set_level(logging.INFO)
    journal = Journal()
    journal.published(snapshot(service(backend("a"), backend("b")), service(backend("d"), name="api")), 1)
    assert not [record for record in caplog.records if record.getMessage() == "backends changed"]
    leaving = backend("a", state="draining", reason="stopping")
    journal.published(snapshot(service(leaving, backend("b"), backend("c")), service(backend("d"), name="api")), 2)
    many = [backend(f"m{number}") for number in range(MOST_NAMES + 5)]
    journal.published(snapshot(service(backend("b"), backend("c"), *many)), 3)
    told = [(record.service, record.changes) for record in caplog.records if record.getMessage() == "backends changed"]
    assert told[0] == ("web", "draining (is being stopped; keeps its users): web.a@node1; came: web.c@node1")
    assert told[1][0] == "web"
    assert told[1][1].endswith(", 5 more; went: web.a@node1")
    assert told[2:] == [("api", "went: web.d@node1")]


def test_frontends_and_ipv6():
    said = configuration(snapshot(service(backend("t1", host="fd00::5"), sticky=False)))
    assert said["frontends"] == {
        "web": {
            "backend": "web",
            "passHostHeader": True,
            "priority": 1,
            "routes": {"route-web": {"rule": "PathPrefix(`/`)"}},
        }
    }
    assert said["backends"]["web"]["servers"]["web.t1@node1"]["url"] == "http://[fd00::5]:8000"
    assert "stickiness" not in said["backends"]["web"]["loadBalancer"]


def test_one_line():
    assert one_line("a\r\nb\x1b[0m é") == "a\\r\\nb\\x1b[0m é"
