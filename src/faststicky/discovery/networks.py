"""On which address a task is reached.

The network that a label names; without one, a network that the proxy's own container shares with the task; without
that (the proxy runs outside of containers, or shares none), any overlay network of the task. Never `ingress`: a task's
address there answers for the routing mesh only.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Set
from typing import Literal, NamedTuple

from faststicky.discovery.swarm_shapes import Attachment, Task

Problem = Literal["", "absent", "none", "unshared", "ambiguous"]


class Choice(NamedTuple):
    """host: an IP address, "" when there is none. problem: what an operator should know; networks: names on offer."""

    host: str
    problem: Problem = ""
    networks: tuple[str, ...] = ()


def choose(task: Task, wanted: str, own: Set[str] | None) -> Choice:
    """The address of a task.

    wanted: name or ID of a network, "" for none. own: IDs of the proxy's networks, None when it is not in a container.
    A wanted network that the task is not attached to is a problem, and the choice is made as if none was wanted.
    """
    usable = [
        (attachment, host)
        for attachment in task.networks_attachments or ()
        if not _is_ingress(attachment) and (host := _address(attachment))
    ]
    names = tuple(attachment.network.spec.name for attachment, _ in usable)
    for attachment, host in usable:
        if wanted and wanted in (attachment.network.spec.name, attachment.network.id):
            return Choice(host)
    absent: Problem = "absent" if wanted else ""
    for attachment, host in usable:
        if own is not None and attachment.network.id in own:
            return Choice(host, absent, names)
    overlays = [(attachment, host) for attachment, host in usable if _driver(attachment) == "overlay"]
    if not overlays:
        return Choice("", "none", names)
    if absent:
        return Choice(overlays[0][1], absent, names)
    if own is not None:
        return Choice(overlays[0][1], "unshared", names)
    return Choice(overlays[0][1], "ambiguous" if len(overlays) > 1 else "", names)


def explain(problem: Problem, service: str, wanted: str, networks: tuple[str, ...]) -> str:
    """What is wrong, and the remedy."""
    attached = ", ".join(networks) or "no network but ingress"
    first = networks[0] if networks else "NETWORK"
    return {
        "": "",
        "absent": f"the tasks are not attached to network {wanted} (they are to: {attached}); name one of these, "
        f"or attach them: docker service update --network-add {wanted} {service}; until then the network is chosen",
        "none": f"the tasks are attached to {attached}; attach them to an overlay network that the proxy is on too: "
        f"docker service update --network-add NETWORK {service}; until then they are not used",
        "unshared": f"the proxy shares no network with the tasks (they are attached to: {attached}); "
        f"attach the proxy: docker service update --network-add {first} PROXY-SERVICE",
        "ambiguous": f"the tasks are attached to several networks ({attached}); name the one to use in a label; "
        f"until then {first} is used",
    }[problem]


def _is_ingress(attachment: Attachment) -> bool:
    return attachment.network.spec.ingress or attachment.network.spec.name == "ingress"


def _driver(attachment: Attachment) -> str:
    state = attachment.network.driver_state
    return state.name if state is not None else "overlay"  # of a network that no node has set up yet


def _address(attachment: Attachment) -> str:
    """The first IPv4 address, else the first IPv6 address, else ""."""
    found: dict[int, str] = {}
    for text in attachment.addresses or ():
        try:
            ip = ipaddress.ip_interface(text).ip
        except ValueError:
            continue
        found.setdefault(ip.version, str(ip))
    return found.get(4) or found.get(6) or ""
