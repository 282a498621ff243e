from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from faststicky.control.reasons import why
from faststicky.model import LeavingReason
from unit.control.worlds import backend, service


@pytest.mark.parametrize(
    ("state", "reason", "text"),
    [
        ("up", "", ""),
        ("down", "", "failed its health check"),
        ("draining", "stopping", "is being stopped; keeps its users"),
        ("leaving", "stopping", "is being stopped; its users move"),
        ("leaving", "node-down", "its node is down; its users move"),
        ("draining", "node-drained", "its node is being drained; keeps its users"),
        ("draining", "operator", "drained by an operator; keeps its users"),
        ("leaving", "", "is being taken away; its users move"),
    ],
)
def test_why(state, reason, text):
    assert why(service(), backend("a", state=state, reason=reason)) == text


def test_every_reason_has_words():
    assert all(why(service(), backend("a", state="draining", reason=reason)) for reason in get_args(LeavingReason))


def test_a_removed_service():
    removed = msgspec.structs.replace(service(), removed=True)
    assert why(removed, backend("a", state="leaving", reason="stopping")) == "its service was removed; its users move"
