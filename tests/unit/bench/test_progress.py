from __future__ import annotations

import io

from rich.console import Console

from faststicky.bench.plan import Plan
from faststicky.bench.progress import Live
from unit.bench.builders import TARGET, part


def test_rate_percentiles_and_errors():
    out = io.StringIO()
    with Live(Console(file=out, force_terminal=True, width=140), Plan(target=TARGET)) as live:
        live.on_slice(part(0, *[100] * 50))
        live.on_slice(part(0.25, *[100] * 50, errors={"reset": 7}))
        live.on_tick()
        assert live.line().startswith("200/s  p50 10")
        assert "7 errors" in live.line()
    assert "http://a/" in out.getvalue()


def test_it_is_silent_where_there_is_no_terminal():
    out = io.StringIO()
    with Live(Console(file=out), Plan(target=TARGET)) as live:
        live.on_slice(part(0, 1))
        live.on_tick()
    assert out.getvalue().strip() == ""
