"""Much to send and to read, for tests of pressure."""

from __future__ import annotations

import threading
from pathlib import Path

from relay.peer import Peer

MIB = 1 << 20


def resident() -> int:
    """Resident memory of this process, in bytes: the relay runs in it."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


def pump(sender: Peer, data: bytes, times: int) -> threading.Thread:
    """Send `data` so often, beside the test; the other side's end of it ends it."""

    def run() -> None:
        try:
            for _ in range(times):
                sender.sock.sendall(data)
        except OSError:
            pass

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def swallow(receiver: Peer, size: int) -> int:
    """Read so many bytes."""
    buffer = bytearray(MIB)
    left = size - len(receiver.buffer)
    while left and (got := receiver.sock.recv_into(buffer, min(MIB, left))):
        left -= got
    return size - left
