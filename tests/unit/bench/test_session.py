from __future__ import annotations

import json
import urllib.request

import pytest

from faststicky.bench.child import Child
from faststicky.bench.plan import Plan, Target
from faststicky.bench.session import EXIT_ERRORS, Order, against_ourselves, carry_out
from faststicky.errors import ConfigError
from unit.bench.builders import TARGET


@pytest.fixture
def target():
    with Child("faststicky.bench.backend", "ann") as child:
        yield Target.parse(f"http://127.0.0.1:{child.first_line()}/")


def quick(target: Target, **fields) -> Plan:
    return Plan(target=target, **{"connections": 2, "requests": 50, "duration": 0.0, "warm_up": 0.0, **fields})


def test_a_table_a_plot_and_files(target, capsys, tmp_path):
    log = tmp_path / "run.hlog"
    assert carry_out(Order(plan=quick(target), plot=True, hdr=str(log))) == 0
    out = capsys.readouterr().out
    assert "50 in" in out
    assert "latency, ms, by second" in out
    assert log.read_text().startswith("#")


def test_errors_decide_the_exit_code_only_if_asked(target, capsys):
    nobody = quick(Target.parse("http://127.0.0.2:1/"), requests=2)
    assert carry_out(Order(plan=nobody, as_json=True)) == 0
    assert json.loads(capsys.readouterr().out)["errors"] == {"connect": 2}
    assert carry_out(Order(plan=nobody, fail_on_errors=True)) == EXIT_ERRORS


def test_several_targets_in_turn(target, capsys):
    assert carry_out(Order(plan=quick(target), compare=(target.url,), rounds=2, as_json=True)) == 0
    rounds = json.loads(capsys.readouterr().out)["rounds"]
    assert [[each["requests"] for each in one] for one in rounds] == [[50, 50], [50, 50]]


def test_a_command_in_the_middle(target, capsys):
    plan = quick(target, requests=0, duration=0.9)
    assert carry_out(Order(plan=plan, during="exit 4", as_json=True)) == 0
    found = json.loads(capsys.readouterr().out)["during"]
    assert (found["exit_code"], set(found["parts"])) == (4, {"before", "during", "after"})


def test_against_a_proxy_of_our_own_users_stay(capsys):
    plan = quick(TARGET, sessions=6, requests=200)
    assert against_ourselves(Order(plan=plan, as_json=True, fail_on_errors=True), 2, 1) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["affinity"] == {"users": 6, "cookies_set": 6, "answered_by_another_backend": 0, "users_moved": 0}
    assert set(found["backends"]) == {"b1", "b2"}
    with pytest.raises(OSError):
        urllib.request.urlopen(found["url"], timeout=5)


def test_what_does_not_go_together(target):
    with pytest.raises(ConfigError):
        carry_out(Order(plan=quick(target), compare=("http://127.0.0.1/",), during="true"))
    with pytest.raises(ConfigError):
        carry_out(Order(plan=quick(target), during="true"))
