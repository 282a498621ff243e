from __future__ import annotations

import logging

import msgspec
import pytest

from faststicky.model import BackendSpec, ServiceSpec, TableSpec
from faststicky.serve.recent import ALIKE, KEPT, TOGETHER, Recent
from unit.control.worlds import backend, service, snapshot


def table(generation: int, **states: str) -> TableSpec:
    backends = tuple(
        BackendSpec(id=ident, name=f"web.{ident}", host="h", port=1, weight=1, state=state, cookie_value="")  # type: ignore[arg-type]
        for ident, state in states.items()
    )
    service = ServiceSpec(name="web", backends=backends, lookup=(), cookie=None, pass_host_header=True)
    return TableSpec(generation=generation, services=(service,), routes=())


def told(recent: Recent, after: int = 0) -> list[tuple[str, str]]:
    return [(event["task"], event["text"]) for event in recent.events(after)]


def test_what_changed_in_the_table():
    recent = Recent()
    recent.published(table(1, a="up"))
    assert told(recent) == [("", "table 1 is in force"), ("web.a", "came, up")]
    recent.published(table(2, a="draining", b="up"))
    assert told(recent, 2) == [("", "table 2 is in force"), ("web.b", "came, up"), ("web.a", "draining, was up")]
    recent.published(msgspec.structs.replace(table(3), services=()))
    assert {text for _, text in told(recent, 5)} == {
        "went, was draining",
        "went, was up",
        "table 3 is in force",
    }


def test_why_a_task_is_left():
    recent = Recent()
    recent.published(table(1, a="up", b="up"))
    made_of = snapshot(
        service(
            backend("a", state="leaving", reason="node-drained"),
            backend("b", state="leaving", reason="stopping"),
            name="web",
        )
    )
    recent.published(table(2, a="leaving", b="draining"), made_of)
    assert told(recent, 3) == [
        ("", "table 2 is in force"),
        ("web.a", "leaving, was up: its node is being drained; its users move"),
        ("web.b", "draining, was up"),  # the snapshot is already a newer one
    ]


def test_many_tasks_at_once_are_one_event():
    recent = Recent()
    recent.published(table(1, **{f"t{number}": "up" for number in range(TOGETHER + 1)}))
    recent.published(table(2, **{f"t{number}": "draining" for number in range(TOGETHER)}))
    assert told(recent)[1] == ("", f"{TOGETHER + 1} tasks: came, up")
    assert ("web.t9", "draining, was up") in told(recent)
    assert len(told(recent)) == 2 + 1 + TOGETHER + 1


@pytest.fixture
def logger():
    logger, recent = logging.getLogger("faststicky.test_recent"), Recent()
    logger.addHandler(recent)
    logger.setLevel(logging.INFO)
    yield logger, recent
    logger.removeHandler(recent)
    logger.setLevel(logging.NOTSET)


def test_warnings_of_the_log(logger):
    logger, recent = logger
    logger.info("nobody has to know")
    logger.debug("sync works again?")
    logger.warning("answered", extra={"status": 502, "service": "web", "backend": "web.1", "remedy": "see its log"})
    logger.error("sync failed: %s", "away")
    first, second = recent.events()
    assert (first["level"], first["service"], first["task"]) == ("warning", "web", "web.1")
    assert first["text"] == "answered, status 502; see its log"
    assert (second["level"], second["text"]) == ("error", "sync failed: away")


def test_the_end_of_what_a_warning_told_of(logger):
    logger, recent = logger
    logger.info("restored", extra={"backend": "web.1", "worker": 0})
    logger.info("sync works again after %.0f s", 3.0)
    logger.info("lines can be written again", extra={"lost": 7})
    logger.info("worker left", extra={"worker": 0})
    ends = [("web.1", "restored"), ("", "sync works again after 3 s"), ("", "lines can be written again, lost 7")]
    assert told(recent) == ends
    assert {event["level"] for event in recent.events()} == {"info"}


def test_a_flood_of_warnings_does_not_push_the_tasks_out(logger):
    logger, recent = logger
    recent.published(table(1, a="up"))
    for number in range(2 * KEPT):
        logger.warning("%s", f"message {number}")
    events = recent.events()
    assert len(events) == KEPT + 2
    assert [event["id"] for event in events] == sorted(event["id"] for event in events)
    assert events[1]["text"] == "came, up"


def test_a_flood_of_one_warning_is_told_in_a_few_events(logger):
    logger, recent = logger
    for _ in range(500):
        logger.warning("answered", extra={"status": 503, "service": "web"})
    logger.warning("answered", extra={"status": 502, "service": "api"})
    events = recent.events()
    assert len(events) == ALIKE + 1
    assert events[-1]["service"] == "api"


def test_one_reason_does_not_hide_another(logger):
    logger, recent = logger
    for reason in ("connect-refused", "no-backend"):
        for _ in range(50):
            logger.warning("answered", extra={"status": 503, "reason": reason, "service": "web"})
    assert {event["text"] for event in recent.events()} == {
        "answered, status 503, reason connect-refused",
        "answered, status 503, reason no-backend",
    }


def test_whoever_listens_is_told_each():
    heard = []
    recent = Recent(heard.append)
    recent.published(table(1))
    assert heard == recent.events()
