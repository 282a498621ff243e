"""C memory of the core that is alive in this process."""

from collections.abc import Sequence

def live() -> tuple[int, int]:
    """Blocks and bytes."""

def share_arena() -> bool:
    """Threads that begin from now on allocate where the main one does; False where the C library has no arenas (it is not glibc).

    Threads that wait for one interpreter lock gain nothing by an arena of their own, and what one allocates and another frees tears
    holes into it for good.
    """

def trim() -> None:
    """Give the system back the pages that nothing is in, also those between others (malloc_trim(3); glibc alone does not do it by
    itself). Some milliseconds: not for a process that has requests waiting."""

def exercise(sizes: Sequence[int]) -> tuple[int, int]:
    """For the tests: allocates a block of twice each of up to 16 sizes and frees all of them; what live() was in between."""
