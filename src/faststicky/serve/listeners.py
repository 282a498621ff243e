"""Listening sockets: one for each worker and address, all on the same port by SO_REUSEPORT.

The supervisor makes them and keeps them open, so that a replaced worker takes over the same socket with whatever is
waiting in its queue; only when the supervisor closes its own descriptor too does the kernel turn connections away.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

from faststicky.address import Address
from faststicky.errors import ConfigError
from faststicky.serve.limits import BACKLOG


class Listeners:
    """`sockets[i]` are the sockets of worker i, one for each address; `addresses` the real ones (port 0 resolved)."""

    def __init__(self, addresses: Sequence[Address], workers: int) -> None:
        """Raises ConfigError when an address cannot be listened on."""
        self.addresses: list[Address] = []
        self.sockets: list[list[socket.socket]] = [[] for _ in range(workers)]
        try:
            for address in addresses:
                _probe(address)
                for mine in self.sockets:
                    mine.append(_listen(address))
                    # the first socket resolves port 0, the others join it
                    address = Address(address.host, mine[-1].getsockname()[1])
                self.addresses.append(address)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop accepting, as far as this process is concerned."""
        for mine in self.sockets:
            for sock in mine:
                sock.close()
            mine.clear()


def _probe(address: Address) -> None:
    """Raises ConfigError if someone else listens here: with SO_REUSEPORT, two owners would share the port silently."""
    with _socket(address) as sock:
        _bind(sock, address)


def _listen(address: Address) -> socket.socket:
    sock = _socket(address)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _bind(sock, address)
        sock.listen(BACKLOG)
        # Inherited by what is accepted: the answer carries the acknowledgement of the request (HAProxy's tcp-smart-accept).
        # listen(2) sets it anew, so it comes after.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _socket(address: Address) -> socket.socket:
    try:
        sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise cannot_listen(address, error) from error
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if address.version == 6:  # so that 0.0.0.0:80 and [::]:80 can be asked for together
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock


def _bind(sock: socket.socket, address: Address) -> None:
    try:
        sock.bind((address.host, address.port))
    except OSError as error:
        raise cannot_listen(address, error) from error


def cannot_listen(address: Address, error: OSError, option: str = "--listen") -> ConfigError:
    """The error for a person, with what can be done about it."""
    remedies = {
        errno.EADDRINUSE: "stop the program that listens there (ss -ltnp shows it) or choose another port",
        errno.EACCES: "ports below 1024 need root or CAP_NET_BIND_SERVICE; choose another port",
        errno.EADDRNOTAVAIL: "use an address of this machine, or 0.0.0.0 or [::] for all of them",
        errno.EAFNOSUPPORT: "this machine has no IPv6; listen on an IPv4 address",
    }
    reason = {errno.EADDRINUSE: "the port is in use", errno.EACCES: "permission denied"}.get(error.errno or 0)
    return ConfigError(
        f"cannot listen on {address}: {reason or error.strerror or error}",
        where=option,
        remedy=remedies.get(error.errno or 0, ""),
    )
