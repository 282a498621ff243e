"""What the program says when something is wrong, read from the source: every warning and every error tells what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = sorted(Path(__file__).parents[2].joinpath("src", "faststicky").rglob("*.py"))
LOUD = {"warning", "error", "critical", "exception"}
TOLD_ELSEWHERE = {
    "control/journal.py": {
        "%s",
        "sync failed, the last table stays: %s",
        "no sync for %.0f s, %d failures, the last table stays: %s",
    }
}
"""Messages that carry a text with its own remedy: of labels (labels/, discovery/), and of errors."""


def calls(name: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(name)) if isinstance(node, ast.Call))


def relative(path: Path) -> str:
    return str(path.relative_to(SOURCES[0].parent))


def loud(path: Path) -> Iterator[ast.Call]:
    for call in calls(path.read_text()):
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in LOUD and ast.unparse(function.value) == "log":
            yield call


def has_remedy(call: ast.Call) -> bool:
    if "; " in ast.unparse(call.args[0]):
        return True
    extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
    if isinstance(extra, ast.Name):
        return True  # made above the call; the tests of that file look at it
    keys = extra.keys if isinstance(extra, ast.Dict) else []
    return any(isinstance(key, ast.Constant) and key.value == "remedy" for key in keys)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_warning_says_what_to_do(path: Path):
    told = TOLD_ELSEWHERE.get(relative(path), set())
    silent = [f"line {call.lineno}: {text}" for call in loud(path)
              if (text := ast.unparse(call.args[0]).strip("'\"")) not in told and not has_remedy(call)]  # fmt: skip
    assert silent == [], "say what to do, behind a semicolon or as `remedy`"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_every_error_for_people_says_what_to_do(path: Path):
    silent = [
        f"line {call.lineno}"
        for call in calls(path.read_text())
        if isinstance(call.func, ast.Name)
        and call.func.id in {"ConfigError", "LabelError", "DiscoveryError"}
        and not any(keyword.arg == "remedy" for keyword in call.keywords)
    ]
    assert silent == []


def test_there_is_something_to_look_at():
    assert sum(len(list(loud(path))) for path in SOURCES) > 25
