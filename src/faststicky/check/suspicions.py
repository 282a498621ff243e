"""What is likely to be wrong although every label is right by itself, or is not seen by a proxy at all."""

from __future__ import annotations

from collections.abc import Set

from faststicky.check.declared import Declared, is_same_network
from faststicky.check.findings import concerns_a_proxy
from faststicky.discovery import networks
from faststicky.labels import interlock, traefik1, traefik2
from faststicky.labels.dialects import Explanation
from faststicky.labels.reading import Reading
from faststicky.model import Warning

_LEGACY = "traefik.backend.loadbalancer.sticky"


def of_service(declared: Declared, explained: Explanation, own: Set[str] | None) -> list[Warning]:
    """own: names and IDs of the proxy's networks, None where that is not known."""
    found = [remark for remark in declared.remarks if concerns_a_proxy(remark.label)]
    found += _in_the_wrong_place(declared)
    if explained.reading is None:
        return found + _not_enabled(declared, explained)
    found += _not_sticky(declared, explained.reading)
    found += _bypassed(declared, explained.reading)
    return found + _not_reached(declared, explained.reading, own)


def of_networks(declared: Declared, reading: Reading, own: Set[str] | None) -> list[Warning]:
    """Of a service whose tasks are only declared: what discovery will warn of once they run (discovery/networks.py)."""
    if reading.network:
        problem: networks.Problem = "" if declared.is_on(reading.network) else "absent"
    else:
        problem = "" if own is None or any(declared.is_on(one) for one in own) else "unshared"
    if not problem:
        return []
    text = networks.explain(problem, declared.name, reading.network, declared.networks)
    return [Warning(service=declared.name, label=reading.network_label, value=reading.network, text=text)]


def _in_the_wrong_place(declared: Declared) -> list[Warning]:
    lost = [
        key
        for key, value in sorted(declared.container_labels.items())
        if concerns_a_proxy(key) and declared.labels.get(key) != value
    ]
    if not lost:
        return []
    others = f" (so are {', '.join(lost[1:])})" if lost[1:] else ""
    text = f"a label of the containers{others}, which nobody sees in a Swarm; move it from labels to deploy.labels"
    value = f"{lost[0]}={declared.container_labels[lost[0]]}"
    return [
        Warning(service=declared.name, label="labels", value=value, text=text)
    ]  # deploy.labels may have the same key


def _not_enabled(declared: Declared, explained: Explanation) -> list[Warning]:
    """Labels that say where requests go, of a service that needs one that enables it."""
    said = any(key.lower().endswith(".enable") for key in explained.values)
    if said or explained.warnings:
        return []
    if traefik1.applies(declared.labels) or traefik2.applies(declared.labels):
        key = "traefik.enable"
    elif interlock.applies(declared.labels):
        key = "faststicky.enable"
    else:
        return []
    text = f"nothing enables the service, and the proxy runs with --no-exposed-by-default; add {key}=true, or remove its labels"
    return [Warning(service=declared.name, label=key, value="", text=text)]


def _not_sticky(declared: Declared, reading: Reading) -> list[Warning]:
    """Several tasks, and nobody has said whether users shall stay (faststicky's own labels: they do)."""
    label = reading.sticky_label
    asked = {label, label.removesuffix(".cookie"), _LEGACY}
    said = asked & {key if reading.dialect == "traefik1" else key.lower() for key in declared.labels}
    stay = reading.cookie is not None or reading.dialect == "native" or reading.balancing.balance == "hash"
    if stay or said or declared.tasks in (0, 1):
        return []
    tasks = "one task on every node" if declared.tasks is None else f"{declared.tasks} tasks"
    add = f"{label}=NAME, or leave it empty" if reading.dialect == "interlock" else f"{label}=true, or =false"
    text = f"the service has {tasks}, and no label keeps users on one; add {add} if that is meant"
    return [Warning(service=declared.name, label=label, value="", text=text)]


def _bypassed(declared: Declared, reading: Reading) -> list[Warning]:
    found = []
    for published, target in declared.ingress_ports:
        if target == reading.port:
            port = f"port {published}" if published else "a port that Swarm chooses"
            text = (
                f"{port} of every node leads to any task (mode ingress), so that users who come there bypass the proxy"
            )
            text += " and do not stay; remove it"
            found.append(Warning(service=declared.name, label="ports", value=f"{published}:{target}", text=text))
    return found


def _not_reached(declared: Declared, reading: Reading, own: Set[str] | None) -> list[Warning]:
    """The network that a label names is the service's, but not the proxy's."""
    wanted = reading.network
    if not wanted or own is None or not declared.is_on(wanted) or any(is_same_network(one, wanted) for one in own):
        return []
    text = f"the proxy is not attached to network {wanted}, so that it reaches no task there; attach it: "
    text += f"docker service update --network-add {wanted} PROXY-SERVICE"
    return [Warning(service=declared.name, label=reading.network_label, value=wanted, text=text)]
