"""The targets of `make fuzz`, on the inputs that they begin with; without coverage guidance, so in every run."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz import guided, targets


@pytest.mark.parametrize("name", guided.TARGETS)
def test_seeds_are_without_fault(name: str) -> None:
    found = list(guided.seeds(name))
    assert len(found) > 20
    for data in found:
        guided.TARGETS[name](data)


def test_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guided.write_seeds("cookie", tmp_path) == len(list(tmp_path.iterdir())) > 20
    file = next(tmp_path.iterdir())
    guided.main(["--replay", "cookie", str(file)])
    assert capsys.readouterr().out == f"{file}: no fault\n"
    with pytest.raises(SystemExit, match="targets: request answer"):
        guided.main(["--replay", "unheard-of"])


def test_cuts() -> None:
    assert targets.cut(b"") == []
    assert targets.cut(b"\x00abc") == [b"abc"]
    assert targets.cut(b"\x0a\x80\x40abcd") == [b"a", b"b", b"cd"]
    assert b"".join(targets.cut(b"\x07\x00\xff\x10\x10\x80\x90\xa0data")) == b"data"
