"""How a listening socket is closed without a reset: first let nobody begin a connection, then take all who are at the door.

Closing a listening socket resets every connection that waits in its queue, and those whose handshake is under way: their
clients believe themselves connected, and may have sent a request. So the first segment of a connection (SYN) is dropped in
front of it for a moment. Such a client sends it again a second later, when it is told the truth by whoever owns the port then.
"""

from __future__ import annotations

import contextlib
import ctypes
import select
import socket
import struct
import sys
from collections.abc import Iterable

HANDSHAKE = 0.1  # seconds: the way to a client and back

_SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>
_DROP_SYN = (  # struct sock_filter (code, jt, jf, k): classic BPF, which sees the segment from its TCP header on
    (0x30, 0, 0, 13),  # A = the octet of flags
    (0x54, 0, 0, 0x12),  # A &= SYN | ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # then no octet of it is let in
    (0x06, 0, 0, 0xFFFFFFFF),
)


def anybody_at(socks: Iterable[socket.socket]) -> bool:
    """True while somebody waits in the queue of one of these listening sockets."""
    poll = select.poll()
    for sock in socks:
        poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def hush(sock: socket.socket) -> None:
    """Let no new connection begin on a listening TCP socket, for all that share it and for good. Where the kernel does
    not know how, nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in _DROP_SYN))
    with contextlib.suppress(OSError):
        head = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(program))
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
