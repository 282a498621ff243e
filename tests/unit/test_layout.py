"""The tree's own rules: where tests are, how large files may get, what must not be in them.

Where the tests of a source are: src/faststicky/a/b.py -> tests/unit/a/test_b.py; src/faststicky/a/b/__init__.py, if
it has code -> tests/unit/a/b/test_init.py; src/faststicky/core/_x.pyx (with the .pxi files that it includes) ->
tests/unit/core/test_x.py.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "faststicky"
SOURCES = sorted(path for kind in ("*.py", "*.pyx") for path in PACKAGE.rglob(kind))
MAX_LINES = {".py": 400, ".pyx": 600, ".pxd": 600, ".pxi": 600}
# In character classes, so that these lines do not match themselves.
MACHINE_PATHS = re.compile(r"(?<![\w.~$}])/(?:wor[k]|far[m]|roo[t]|hom[e]/\w+)/")
GENERATED = (".so", ".c", ".o", ".whl", ".gz", ".pyc")


def project_files() -> list[Path]:
    """Every file that is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_file_of(source: Path) -> Path:
    folder = ROOT / "tests" / "unit" / source.relative_to(PACKAGE).parent
    name = "init" if source.stem == "__init__" else source.stem
    return folder / f"test_{name.removeprefix('_') if source.suffix == '.pyx' else name}.py"


test_file_of.__test__ = False  # type: ignore[attr-defined]


def has_code(source: Path) -> bool:
    """False for an __init__.py that only says what the package is, and names things."""
    if source.name != "__init__.py":
        return True
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in ast.walk(ast.parse(source.read_text())))


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(PACKAGE)) for path in paths]


def test_there_is_something_to_check():
    assert {"model.py", "core/_h1.pyx"} <= set(named(SOURCES))


@pytest.mark.parametrize("source", [path for path in SOURCES if has_code(path)], ids=lambda path: named([path])[0])
def test_every_source_has_its_test_file(source: Path):
    test = test_file_of(source)
    assert test.is_file(), f"{test.relative_to(ROOT)} is missing"
    assert re.search(r"^\s*(async )?def test_", test.read_text(), re.MULTILINE), f"{test.relative_to(ROOT)} has no test"


def test_every_compiled_module_has_its_stub():
    missing = [path for path in SOURCES if path.suffix == ".pyx" and not path.with_suffix(".pyi").is_file()]
    assert named(missing) == []


def test_every_compiled_module_is_built():
    modules = re.search(r"^MODULES = \(([^)]*)\)", (ROOT / "setup.py").read_text(), re.MULTILINE)
    assert modules is not None
    assert sorted(re.findall(r'"(\w+)"', modules[1])) == sorted(p.stem for p in SOURCES if p.suffix == ".pyx")


def test_files_stay_small_enough_to_have_one_idea():
    large = {
        str(path.relative_to(ROOT)): lines
        for path in project_files()
        if path.suffix in MAX_LINES and (lines := len(path.read_text().splitlines())) > MAX_LINES[path.suffix]
    }
    assert large == {}


def test_no_file_speaks_of_the_machine_it_was_written_on():
    found = []
    for path in project_files():
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
            if MACHINE_PATHS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []


def test_nothing_generated_is_in_the_tree():
    found = [str(path.relative_to(ROOT)) for path in project_files() if path.suffix in GENERATED]
    assert found == ["bench/peers/floor.c"]  # written by hand: what proxies are measured against
