"""The shape of --format json."""

from __future__ import annotations

import msgspec

from faststicky.check.report import CheckedRoute, CheckedService, Label, Report
from faststicky.model import Warning

WARNING = Warning(service="web", label="faststicky.rul", value="x", text="no such label; remove it")
REPORT = Report(
    source="stack file a.yml",
    services=(
        CheckedService(
            name="web", dialect="native", backend="web", tasks=None, warnings=(WARNING,),
            labels=(Label(key="faststicky.port", value="80", verdict="understood", texts=("port 80",)),),
        ),
    ),
    routes=(
        CheckedRoute(
            name="web", rule="Path(`/`)", meaning="the path is /", priority=9, backend="web", services=("web",),
            cookie=None, tasks=None,
        ),
    ),
    warnings=(WARNING,),
    suspicions=(),
    notes=(),
)  # fmt: skip


def test_it_can_be_written_and_read():
    assert msgspec.json.decode(msgspec.json.encode(REPORT), type=Report) == REPORT
