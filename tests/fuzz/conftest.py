from __future__ import annotations

from allocated import nothing_allocated_is_left

__all__ = ["nothing_allocated_is_left"]
