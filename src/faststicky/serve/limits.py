"""Limits that the kernel sets to this process."""

from __future__ import annotations

import resource

BACKLOG = 4096  # of a listening socket; the kernel cuts it to net.core.somaxconn
RESERVED_FILES = 128  # of a worker: listeners, channel, event loop, libraries


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one; the limit that is now in force. Children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def client_connections() -> int:
    """How many clients a worker can serve with its open files: each may need a connection to a backend too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, (soft - RESERVED_FILES) // 2)
