from __future__ import annotations

from click.testing import CliRunner

from faststicky.cli import main


def test_it_plays_and_its_exit_code_is_the_plays(monkeypatch):
    asked = []
    for code in (0, 1):
        monkeypatch.setattr("faststicky.demo.play.play", lambda stay, code=code: asked.append(stay) or code)
        assert CliRunner().invoke(main, ["demo"]).exit_code == code
        assert CliRunner().invoke(main, ["demo", "--serve"]).exit_code == code
    assert asked == [False, True, False, True]


def test_help():
    assert "--serve" in CliRunner().invoke(main, ["demo", "--help"]).output
