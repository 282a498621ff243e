from __future__ import annotations

from click.testing import CliRunner

from faststicky.cli import main
from faststicky.cli.drain import EXIT_NOT_EMPTY
from unit.serve.served import served

TOKEN = "a-secret-of-many-characters"


def run(*args: str, **environment: str):
    return CliRunner().invoke(main, ["drain", *args], env=environment)


def test_drain_and_undo_at_two_proxies():
    with served() as (one, first), served() as (other, second):
        result = run("web.t1", "--admin", first, "--admin", second)
        assert (result.exit_code, set(one.drained), set(other.drained)) == (0, {"t1"}, {"t1"})
        assert f"web.t1@node1 is drained at {first}" in result.output
        result = run("web.t1@node1", "--undo", "--admin", first)
        assert (result.exit_code, set(one.drained), set(other.drained)) == (0, set(), {"t1"})
        assert "takes new sessions again" in result.output


def test_waiting_for_a_task_without_users():
    with served() as (_admin, url):
        result = run("t1", "--wait", "30s", "--admin", url)
        assert (result.exit_code, "has no users" in result.output) == (0, True)


def test_waiting_ends_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr("faststicky.cli.drain._use", lambda _client, _names: (3, 1))
    with served() as (_admin, url):
        result = run("t1", "--wait", "10ms", "--admin", url)
        assert result.exit_code == EXIT_NOT_EMPTY
        assert "t1: 3 users, 1 requests in flight" in result.output
        assert "still in use" in result.output


def test_what_goes_wrong():
    with served(token=TOKEN) as (admin, url):
        assert run("t1", "--admin", url).exit_code == 1
        assert run("t1", "--admin", url, FASTSTICKY_ADMIN_TOKEN=TOKEN).exit_code == 0
        assert run("web.9", "--admin", url, FASTSTICKY_ADMIN_TOKEN=TOKEN).exit_code == 1
        admin.fails = True
        result = run("t2", "--admin", url, FASTSTICKY_ADMIN_TOKEN=TOKEN)
        assert (result.exit_code, "will not survive" in result.output) == (0, True)
