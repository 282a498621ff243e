"""C memory of the core that is alive in this process."""

from collections.abc import Sequence

def live() -> tuple[int, int]:
    """Blocks and bytes."""

def exercise(sizes: Sequence[int]) -> tuple[int, int]:
    """For the tests: allocates a block of twice each of up to 16 sizes and frees all of them; what live() was in between."""
