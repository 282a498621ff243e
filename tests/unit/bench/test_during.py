from __future__ import annotations

from faststicky.bench.during import Cost, During
from unit.bench.builders import part


def ran(command: str, limit: float = 10.0) -> During:
    during = During(command, 0.05, limit)
    during.start()
    during.join(20)
    return during


def test_the_command_runs_in_a_shell_and_is_timed(tmp_path):
    during = ran(f"sleep 0.1 && echo done > {tmp_path}/out; exit 3")
    assert (tmp_path / "out").read_text() == "done\n"
    assert during.code == 3
    assert 0.05 <= during.begin < during.end


def test_it_does_not_outlive_the_run():
    assert ran("exec sleep 30", 0.2).code is None


def test_before_during_and_after():
    during = During("x", 0, 0)
    during.begin, during.end, during.code = 2.0, 3.0, 0
    parts = [part(0, 1, phase="warm-up"), part(1, 2), part(2.1, 3, 3), part(3.9, 4, 4, 4), part(4.5, 5, 5, 5, 5)]
    cost = Cost.of(during, parts, 6.0)
    assert {name: each.requests for name, each in cost.parts.items()} == {"before": 1, "during": 5, "after": 4}
    assert cost.summary()["parts"]["before"]["latency_us"]["p50"] == 2
