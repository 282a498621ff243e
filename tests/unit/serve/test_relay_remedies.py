"""Every reason that the relay gives has its remedy: the reasons are read from its source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import faststicky.core
from faststicky.core import dial
from faststicky.serve.relay_remedies import remedy

CORE = Path(faststicky.core.__file__).parent
RELAY = "\n".join(path.read_text() for path in sorted(CORE.joinpath("relay").glob("*.pxi")))


def reasons() -> set[str]:
    """Of answers 502, 503 and 504, and of backends that fail."""
    given = re.findall(r'(?:give_up|upstream_failed)\(50\d, "([a-z-]+)', RELAY)
    given += re.findall(r'(?:connect_failed|tell\("[a-z-]+",) ?\(?"([a-z-]+)"', RELAY)
    given += re.findall(r'answer_now\(50[234], "([a-z-]+)"', RELAY)
    given += re.findall(r'retry\(\w+, 50\d, "([a-z-]+)"', RELAY)
    failures = (TimeoutError(), ConnectionRefusedError(), OSError(113, "No route to host"))
    return {*given, *(dial.reason(error).partition(":")[0] for error in failures)}


def test_the_reasons_are_found():
    assert {
        "no-backend",
        "queue-full",
        "closed-early",
        "slow-upload",
        "bad-answer",
        "connect-refused",
        "no-table-yet",
    } <= reasons()


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_reason_has_a_remedy_of_its_own(reason: str):
    general = remedy({"event": "answered", "status": 502, "reason": "unheard-of"})
    assert remedy({"event": "answered", "status": 502, "reason": reason}) not in ("", general)


def test_details_behind_the_reason_do_not_matter():
    event = {"event": "connect-failed", "reason": "connect-failed: No route to host", "service": "web"}
    assert "shares a network" in remedy(event)


@pytest.mark.parametrize(
    "name", sorted({*re.findall(r'event\(\s*"([a-z-]+)"', RELAY), "events-dropped"} - {"restored"})
)
def test_every_event_has_a_remedy(name: str):
    assert remedy({"event": name})


def test_the_service_is_named():
    event = {"event": "answered", "status": 503, "reason": "no-backend", "service": "web"}
    assert "docker service ps web" in remedy(event)
    assert "docker service ps SERVICE" in remedy({**event, "service": None})
