"""C memory is counted, and there is none that is not."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys

from faststicky.core._memory import exercise, live, share_arena
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


THREADS = """if True:
    import ctypes, sys, threading
    from faststicky.core import _memory
    if "shared" in sys.argv:
        assert _memory.share_arena()
    together = threading.Barrier(4)
    def work():
        kept = [bytes(5000) for _ in range(100)]
        together.wait()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
    libc.fflush(None)
"""


def test_threads_share_an_arena():
    """What malloc_info(3) says of a process in which four threads have allocated."""
    if platform.libc_ver()[0] != "glibc" or "asan" in os.environ.get("LD_PRELOAD", ""):  # another allocator
        assert not share_arena()
        return
    arenas = {}
    for how in ("shared", "apart"):
        done = subprocess.run([sys.executable, "-c", THREADS, how], capture_output=True, text=True, check=True)
        arenas[how] = done.stdout.count("<heap nr=")
    assert arenas["shared"] == 1 < arenas["apart"]


HOLES = """if True:
    from pathlib import Path
    from faststicky.core import _memory
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    blocks = [b"x" * (20_000 + number) for number in range(5000)]
    kept = blocks[::10]
    del blocks
    before = resident()
    _memory.trim()
    print(before - resident())
"""


def test_what_lies_between_others_is_given_back():
    done = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    given_back = int(done.stdout)
    if platform.libc_ver()[0] == "glibc" and "asan" not in os.environ.get("LD_PRELOAD", ""):
        assert given_back > 40_000_000
    else:
        assert given_back > -10_000_000


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
