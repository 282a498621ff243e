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


def client_connections(wanted: int = 0) -> int:
    """How many clients a worker can serve with its open files: each may need a connection to a backend too.

    wanted: at most so many; 0: as many as possible.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(16, (soft - RESERVED_FILES) // 2)
    return min(wanted, most) if wanted else most


def upstream_connections(clients: int) -> int:
    """How many connections to backends a worker's open files allow beside so many clients; at least one for each."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(clients, soft - RESERVED_FILES - clients)
