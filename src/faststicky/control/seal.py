"""From a snapshot to the table that the workers build: every backend's cookie tokens, and what each value leads to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from faststicky.control.keyring import Key, Keyring
from faststicky.model import Backend, BackendSpec, Outcome, Service, ServiceSpec, Snapshot, TableSpec

_RANK = {"up": 3, "draining": 2, "leaving": 1, "down": 0}

TOKENS = 2  # of a backend, with each key: its own and its slot's
FEW = 1000

Entry = tuple[str, int, Outcome]


class Seals:
    """Services as they were sealed last: one that did not change is not sealed anew but stays the same object, which spares
    everybody on its way to the workers a comparison."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Service, ServiceSpec]] = {}
        self._of: tuple[Keyring, str] | None = None

    def begin(self, keyring: Keyring, local_node: str, services: tuple[Service, ...]) -> None:
        """What comes next is sealed with this. Now and then all of it is sealed anew: only then the keyring learns which of
        the tokens that it remembers are still of use."""
        needed = sum(TOKENS * len(service.backends) for service in services)
        of = self._of
        if of is None or of[0] is not keyring or of[1] != local_node or keyring.remembered > 2 * needed + FEW:
            self._known = {}
        self._of = (keyring, local_node)
        gone = self._known.keys() - {service.name for service in services}
        for name in gone:
            del self._known[name]

    @property
    def is_empty(self) -> bool:
        """True if nothing is known: every token will be asked for."""
        return not self._known

    def service(self, service: Service, keyring: Keyring, local_node: str) -> ServiceSpec:
        """Sealed, now or before."""
        known = self._known.get(service.name)
        if known is not None and (known[0] is service or known[0] == service):
            return known[1]
        sealed = _service(service, keyring, local_node)
        self._known[service.name] = (service, sealed)
        return sealed


def seal(snapshot: Snapshot, keyring: Keyring, generation: int, seals: Seals | None = None) -> TableSpec:
    """The table of `snapshot`. The same snapshot and key give the same table on every node. seals: of the tables before."""
    seals = seals if seals is not None else Seals()
    seals.begin(keyring, snapshot.local_node, snapshot.services)
    everything = seals.is_empty
    services = tuple(seals.service(service, keyring, snapshot.local_node) for service in snapshot.services)
    if everything:
        keyring.trim()
    return TableSpec(generation=generation, services=services, routes=snapshot.routes)


def _service(service: Service, keyring: Keyring, local_node: str) -> ServiceSpec:
    sticky = service.cookie is not None
    return ServiceSpec(
        name=service.name,
        backends=tuple(
            BackendSpec(
                id=backend.id,
                name=backend.name,
                host=backend.host,
                port=backend.port,
                weight=backend.weight,
                state=backend.state,
                local=bool(local_node) and backend.node == local_node,
                outdated=backend.outdated,
                cookie_value=_cookie_value(service.name, backend, keyring.current) if sticky else "",
            )
            for backend in service.backends
        ),
        lookup=tuple(_lookup(service, keyring)) if sticky else (),
        cookie=service.cookie,
        pass_host_header=service.pass_host_header,
        hold=service.hold,
        **msgspec.structs.asdict(service.balancing),
    )


def _cookie_value(service: str, backend: Backend, key: Key) -> str:
    """TASK.SLOT, or TASK where nothing survives the task. Neither token contains a dot."""
    task = key.token("task", service, backend.id)
    return f"{task}.{key.token('slot', service, backend.slot)}" if backend.slot else task


def _lookup(service: Service, keyring: Keyring) -> Iterator[Entry]:
    """Every value that leads to a backend; of equal values the first counts.

    Tasks of any state are listed: what a state allows is the relay's to decide.
    """
    holders = _slot_holders(service.backends)
    for position, backend in enumerate(service.backends):
        yield keyring.current.token("task", service.name, backend.id), position, "task"
    for slot, position in holders.items():
        yield keyring.current.token("slot", service.name, slot), position, "slot"
    if keyring.previous is not None:
        for position, backend in enumerate(service.backends):
            yield keyring.previous.token("task", service.name, backend.id), position, "previous"
        for slot, position in holders.items():
            yield keyring.previous.token("slot", service.name, slot), position, "previous"
    for wanted in ("up", "draining"):  # an address may be listed twice for a moment: of an old task and of a new one
        for position, backend in enumerate(service.backends):
            if backend.state == wanted:
                yield from ((value, position, "foreign") for value in backend.foreign)


def _slot_holders(backends: tuple[Backend, ...]) -> dict[str, int]:
    """Position of the backend that now holds each slot: the best state, and of equal ones the newest.

    Sources list the backends of a slot with the oldest first.
    """
    holders: dict[str, int] = {}
    for position, backend in enumerate(backends):
        if not backend.slot:
            continue
        rival = holders.get(backend.slot)
        if rival is None or _RANK[backend.state] >= _RANK[backends[rival].state]:
            holders[backend.slot] = position
    return holders
