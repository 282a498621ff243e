"""What is shipped: the source distribution builds, and its wheel has what runs and nothing that was compiled from."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git has, as a release would be made of, so that the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("tree")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    script = f"from setuptools import build_meta; build_meta.build_sdist({str(out)!r})"
    subprocess.run([sys.executable, "-c", script], cwd=tree, check=True, capture_output=True)
    (archive,) = out.glob("faststicky-*.tar.gz")
    return archive


@pytest.mark.timeout(600)
def test_the_wheel_of_the_source_distribution_has_what_runs_and_nothing_else(tree: Path, sdist: Path, tmp_path: Path):
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(sdist)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("faststicky-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    modules = {path.stem for path in (tree / "src" / "faststicky" / "core").glob("*.pyx")}
    assert {name.split("/")[-1].split(".")[0] for name in names if name.endswith(".so")} == modules
    assert {f"faststicky/core/{module}.pyi" for module in modules} <= set(names)
    python = {str(path.relative_to(tree / "src")) for path in (tree / "src").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == python
    assert "faststicky/py.typed" in names
    assert [name for name in names if name.endswith((".c", ".pyx", ".pxd", ".pxi"))] == []
    assert "faststicky/serve/web/index.html" in names


def test_the_source_distribution_has_all_that_builds_and_tests(tree: Path, sdist: Path):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    kinds = (".py", ".pyx", ".pxd", ".pxi", ".pyi")
    sources = {str(path.relative_to(tree)) for path in (tree / "src").rglob("*") if path.suffix in kinds}
    assert sources <= names
    assert {"setup.py", "Makefile", "LICENSE", "README.md", "tools/prepare", "tests/unit/test_layout.py"} <= names
    assert [name for name in names if name.endswith((".c", ".so", ".pyc"))] == []
