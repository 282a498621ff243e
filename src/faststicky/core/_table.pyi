"""The routing table: immutable, built once from a TableSpec, swapped by one assignment."""

from faststicky.model import TableSpec

class CookieTable:
    """Open addressing, bytes to (position of a backend, outcome). Immutable; a lookup costs one hash and one comparison."""

    def __init__(self, entries: list[tuple[bytes, int, int]]) -> None:
        """entries: (cookie value, backend position, outcome number). The first of equal values wins."""
    def find(self, value: bytes) -> tuple[int, int] | None: ...
    def __len__(self) -> int: ...

class Table:
    generation: int
    def __init__(self, spec: TableSpec) -> None: ...
    def route(self, host: bytes, path: bytes, method: bytes = b"GET") -> str | None:
        """Name of the service that this request belongs to. `host` may carry a port and any case; `path` may carry a query."""
    def find(self, service: str, cookie_value: bytes) -> tuple[str, str] | None:
        """(backend ID, outcome) that a cookie value leads to, None when it leads nowhere."""
    def choose(self, service: str) -> str | None:
        """Backend ID that the balancer gives to the next new session."""
