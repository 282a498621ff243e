"""What an operator has written about one service, wherever it is written."""

from __future__ import annotations

import msgspec

from faststicky.model import Warning

UNKNOWN = "STACK"
"""Stands for the name of a stack that nobody has told."""


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One service."""

    name: str  # as Swarm calls it: STACK_SERVICE
    labels: dict[str, str] = {}
    container_labels: dict[str, str] = {}  # of its containers: Swarm's list of services shows them, nobody reads them
    tasks: int | None = 1  # None: one on every node
    networks: tuple[str, ...] = ()  # names, of running ones IDs, too; "STACK_apps" where the stack's name is not known
    ingress_ports: tuple[tuple[int, int], ...] = ()  # published by the routing mesh, port inside; 0: Swarm chooses one
    remarks: tuple[Warning, ...] = ()  # what was noticed while reading

    def is_on(self, network: str) -> bool:
        """True if the service is attached to the network of that name."""
        return any(is_same_network(one, network) for one in self.networks)


def is_same_network(one: str, other: str) -> bool:
    """True if both are names of one network, as far as one can tell while the stack has no name."""
    stem, other_stem = one.removeprefix(UNKNOWN), other.removeprefix(UNKNOWN)
    return one == other or (stem != one and other.endswith(stem)) or (other_stem != other and one.endswith(other_stem))
