from __future__ import annotations

import re

import pytest

from faststicky.cli.relay_options import relay_options
from faststicky.cli.run import run
from faststicky.cli.sections import own_options
from faststicky.cli.traefik_arguments import translate
from faststicky.cli.traefik_rules import RULES, rule_for, rule_names


def test_every_rule_does_something():
    for rule in RULES:
        assert sum(map(bool, (rule.apply, rule.option, rule.reason, rule.refused))) == 1, rule.pattern
        assert rule.pattern == rule.pattern.lower() or "\\" in rule.pattern, rule.pattern
        re.compile(rule.pattern)


def test_every_option_that_is_translated_to_exists():
    own = own_options(run.params)
    assert {rule.option for rule in RULES if rule.option} <= set(own)
    assert all(own[rule.option] for rule in RULES if rule.option)
    assert relay_options()


@pytest.mark.parametrize("name", rule_names())
def test_what_is_suggested_is_understood(name):
    assert rule_for(name) is not None


@pytest.mark.parametrize("name", ["", "dock", "dockers", "docker.swarmmod", "entrypoints.web.adress", "xweb", "webx"])
def test_nothing_else_is(name):
    assert rule_for(name) is None


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--accesslog"], ["--access-log", "traefik"]),
        (["--accesslog=false"], []),
        (["--accesslog.format=json", "--accesslog=true"], ["--access-log", "json"]),
        (["--accessLogsFile=/a"], ["--access-log", "traefik", "--access-log-file", "/a"]),
        (["--accesslog.filepath=/a", "--accesslog.format=json"], ["--access-log", "json", "--access-log-file", "/a"]),
    ],
)
def test_access_logs(given, meant):
    assert list(translate(given, {}).args) == meant
