from __future__ import annotations

import pytest
from click.testing import CliRunner

from faststicky import __version__
from faststicky.cli import main
from faststicky.cli import run as run_module
from faststicky.errors import ConfigError, DiscoveryError
from faststicky.settings import RunOptions


@pytest.fixture
def served(monkeypatch, tmp_path) -> list[RunOptions]:
    """What would have been served."""
    found: list[RunOptions] = []
    monkeypatch.setenv("FASTSTICKY_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("faststicky.serve.supervisor.serve", lambda options: found.append(options) or 0)
    return found


def test_version():
    assert CliRunner().invoke(main, ["--version"]).output == f"faststicky, version {__version__}\n"


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(args):
    result = CliRunner().invoke(main, args)
    for command in ("run", "demo", "whoami"):
        assert f"  {command} " in result.output


@pytest.mark.parametrize(
    "args",
    [
        ["--docker", "--docker.swarmmode", "--docker.watch", "--web", "--loglevel=DEBUG"],
        ["run", "--docker", "--docker.swarmmode", "--docker.watch", "--web", "--loglevel=DEBUG"],
        ["traefik", "--docker", "--docker.swarmmode", "--docker.watch", "--web", "--loglevel=DEBUG"],
        ["run", "--swarm", "--web", "--log-level", "debug"],
        ["--swarm", "--web", "--log-level", "debug"],
    ],
    ids=" ".join,
)
def test_options_without_a_command_mean_run(served, args):
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    (options,) = served
    assert (options.swarm, options.log_level, str(options.admin)) == (True, "debug", "0.0.0.0:8080")
    assert options.notes == ()


def test_wrong_usage_is_2(served):
    for args in (
        ["nonsense"],
        ["run", "--nonsense"],
        ["--grace", "soon", "--swarm"],
        ["run", "superfluous", "--swarm"],
    ):
        result = CliRunner().invoke(main, args)
        assert result.exit_code == 2, args
        assert served == []


@pytest.mark.parametrize(("error", "code"), [(ConfigError, 2), (DiscoveryError, 1)])
def test_errors_become_one_line_and_an_exit_code(monkeypatch, tmp_path, error, code):
    def fail(_options: RunOptions) -> int:
        raise error("it is so", where="here", remedy="do this")

    monkeypatch.setattr("faststicky.serve.supervisor.serve", fail)
    result = CliRunner().invoke(main, ["run", "--swarm", "--state-dir", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (code, "faststicky: here: it is so; do this\n")
    assert run_module
