"""What a run does. A Plan goes to every generator process as JSON, so it holds nothing but values."""

from __future__ import annotations

import socket
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from faststicky import __version__
from faststicky.core._load import Request
from faststicky.errors import ConfigError

Identify = Literal["nothing", "body", "header", "cookie"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where the load goes: one address, looked up once."""

    url: str
    host: str  # IP address
    port: int
    authority: str  # for Host
    path: str
    tls: bool
    name: str  # for SNI

    @classmethod
    def parse(cls, url: str) -> Target:
        """From http://, https://, ws:// or wss://; a bare HOST:PORT is http. Raises ConfigError."""
        text = url if "://" in url else f"http://{url}"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"{url!r}: {error}", where="URL", remedy="write it as http://127.0.0.1:8080/") from None
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname or parts.username is not None:
            raise ConfigError(
                f"{url!r} is not the URL of an HTTP server", where="URL", remedy="write it as http://127.0.0.1:8080/"
            )
        tls = parts.scheme in ("https", "wss")
        port = port or (443 if tls else 80)
        try:
            found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise ConfigError(
                f"{parts.hostname!r} has no address: {error.strerror}", where="URL", remedy="mend the name"
            ) from None
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if not path.isascii() or any(c <= " " for c in path):
            raise ConfigError(f"{path!r} is no path as it is sent", where="URL", remedy="encode it with %")
        address = str(found[0][4][0])
        return cls(url=url, host=address, port=port, authority=parts.netloc, path=path, tls=tls, name=parts.hostname)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Times are seconds; counts are those of the whole run until `share` divides them."""

    target: Target
    method: str = "GET"
    paths: tuple[str, ...] = ()  # none: the target's
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    connections: int = 64
    sessions: int = 0  # users with a cookie jar; 0: cookies are ignored
    depth: int = 1
    rate: float = 0.0  # requests/s; 0: closed loop
    phase: float = 0.0  # until the first request of an open loop
    duration: float = 10.0  # without the warm-up; 0: until `requests` are done
    requests: int = 0  # 0: until `duration` is over
    warm_up: float = 1.0
    timeout: float = 10.0
    close_ratio: float = 0.0
    websocket: bool = False
    identify: Identify = "cookie"
    wanted: str = ""
    insecure: bool = False

    def share(self, index: int, count: int) -> Plan:
        """The part of generator process `index` of `count`."""

        def part(whole: int) -> int:
            return whole // count + (index < whole % count)

        return msgspec.structs.replace(
            self,
            connections=part(self.connections),
            sessions=part(self.sessions),
            requests=part(self.requests),
            rate=self.rate / count,
            phase=index / self.rate if self.rate else 0.0,
        )

    def request_list(self) -> list[Request]:
        """One request for each path, cut where cookies go."""
        cookies = self.cookies()
        given = {name.lower() for name, _ in self.headers}
        fields = [(name, value) for name, value in self.headers if not (cookies and name.lower() == "cookie")]
        if "host" not in given:
            fields.insert(0, ("Host", self.target.authority))
        if "user-agent" not in given:
            fields.append(("User-Agent", f"faststicky-bench/{__version__}"))
        if self.body and not self.websocket:
            fields.append(("Content-Length", str(len(self.body))))
        lines = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields)
        return [
            Request(
                f"{self.method} {path} HTTP/1.1\r\n".encode("ascii") + lines,
                b"\r\n" + (b"" if self.websocket else self.body),
                self.method,
            )
            for path in self.paths or (self.target.path,)
        ]

    def cookies(self) -> bytes:
        """What every user's jar begins with: the Cookie field that was given."""
        return "; ".join(value for name, value in self.headers if name.lower() == "cookie").encode("latin-1")
