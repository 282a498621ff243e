"""C memory is counted, and there is none that is not."""

from __future__ import annotations

import re

from faststicky.core._memory import exercise, live
from unit.test_layout import PACKAGE

# A call, or an import, of anything that allocates or frees; methods that are called so do not count
ALLOCATES = re.compile(
    r"(?<![\w.])(?:malloc|calloc|realloc|free|strdup|aligned_alloc|posix_memalign|PyMem_\w+|PyObject_Malloc)\s*\("
)


def test_blocks_and_bytes():
    blocks, size = live()
    during = exercise([1, 100, 5000, 1_000_000])
    assert during[0] == blocks + 4
    assert 2 * 1_005_101 <= during[1] - size < 2 * 1_005_101 + 50_000  # what the allocator rounds up to
    assert live() == (blocks, size)


def test_all_of_the_core_allocates_here():
    sources = [path for kind in ("pyx", "pxi", "pxd") for path in (PACKAGE / "core").rglob(f"*.{kind}")]
    assert len(sources) > 20
    found = []
    for path in sources:
        if path.stem == "_memory":
            continue
        text = path.read_text()
        found += [f"{path.name}: {match[0]}" for match in ALLOCATES.finditer(text)]
        found += [f"{path.name}: {line}" for line in text.splitlines() if "cimport" in line and "libc.stdlib" in line]
    assert found == []
