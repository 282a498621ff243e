"""The routing table: immutable, built from a TableSpec or from the table before, swapped by one assignment."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from faststicky.model import BackendSpec, Outcome, Route, ServiceSpec, TableSpec

class Line(Protocol):
    """A backend, and the cookie values that lead to it."""

    @property
    def backend(self) -> BackendSpec: ...
    @property
    def values(self) -> Iterable[tuple[str, Outcome]]: ...

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

class TableBuilder:
    """Builds a table from pieces; what they do not tell is taken over from `base`. See table/builder.pxi.

    In this order: each service that is new or changed, its backends; names and routes, unless both are those of `base`; `finish`.
    Generators are to be run to their end, each step is short. Every method raises ValueError for what is unsound; the builder is
    of no use then.
    """

    def __init__(self, generation: int, base: Table | None = None) -> None: ...
    def service(self, spec: ServiceSpec, backends: int, values: int) -> Iterator[None]:
        """spec: its backends and lookup do not count. So many backends will follow, and so many values that lead to them."""
    def backends(self, segments: Iterable[tuple[int, int, Iterable[Line]]]) -> Iterator[None]:
        """segments: (first, count, lines): `count` backends of the service of this name in `base`, from position `first` on, with
        the values that lead to them; then new ones."""
    def names(self, names: list[str]) -> None:
        """The next names of all services in their order."""
    def routes(self, routes: list[Route]) -> None:
        """The next of all routes."""
    def whole(self, spec: TableSpec) -> Iterator[None]:
        """All of a table, in place of these."""
    def finish(self) -> Iterator[None]:
        """Nothing more will come."""
    @property
    def table(self) -> Table:
        """Complete when `finish` has ended."""
