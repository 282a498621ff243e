"""Where a server listens: `HOST:PORT`, IPv6 in brackets."""

from __future__ import annotations

import ipaddress

import msgspec

from faststicky.errors import ConfigError


class Address(msgspec.Struct, frozen=True):
    """An IP address and a TCP port; port 0 lets the kernel choose one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, where: str = "") -> Address:
        """From "0.0.0.0:80", "[::]:80", "localhost:80" or ":80" (every IPv4 address). Raises ConfigError.

        where: the option that `text` comes from, for the error.
        """
        remedy = "write it as 0.0.0.0:80, [::]:80 or :80"
        host, colon, port = text.strip().rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()):
            raise ConfigError(f"{text!r} is not an address with a port", where=where, remedy=remedy)
        if int(port) > 65535:
            raise ConfigError(f"port {port} of {text!r} is above 65535", where=where, remedy=remedy)
        if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
            raise ConfigError(f"the IPv6 address in {text!r} is not in brackets", where=where, remedy=remedy)
        name = {"": "0.0.0.0", "*": "0.0.0.0", "localhost": "127.0.0.1"}.get(host, host.strip("[]"))  # noqa: S104
        try:
            ip = ipaddress.ip_address(name)
        except ValueError:
            raise ConfigError(f"{host!r} is not an IP address of this machine", where=where, remedy=remedy) from None
        if (ip.version == 6) != host.startswith("["):
            raise ConfigError(f"only an IPv6 address stands in brackets, not {name!r}", where=where, remedy=remedy)
        return cls(str(ip), int(port))

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.host else 4

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.version == 6 else f"{self.host}:{self.port}"
