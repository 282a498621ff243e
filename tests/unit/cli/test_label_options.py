from __future__ import annotations

import click

from faststicky.cli.check import check
from faststicky.cli.label_options import label_defaults, label_options
from faststicky.cli.run import run
from faststicky.labels.reading import LabelDefaults


def parsed(*args: str) -> dict[str, object]:
    return click.Command("x", params=list(label_options())).make_context("x", list(args)).params


def test_they_make_what_applies_where_a_label_is_missing():
    assert label_defaults(parsed()) == LabelDefaults()
    given = parsed("--network", "n", "--domain", "d.org", "--no-exposed-by-default", "--docker-endpoint", "tcp://a:1")
    assert label_defaults(given) == LabelDefaults(network="n", domain="d.org", exposed_by_default=False)
    assert label_defaults(parsed("--traefik-provider", "Docker")) == LabelDefaults(traefik_provider="docker")
    assert given["docker_endpoint"] == "tcp://a:1"


def test_run_and_check_have_the_same_ones():
    shared = {option.name: option.envvar for option in label_options()}
    for command in (run, check):
        has = {param.name: param.envvar for param in command.params}
        assert shared.items() <= has.items()
