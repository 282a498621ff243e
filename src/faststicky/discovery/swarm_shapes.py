"""The parts of the Docker Engine API's answers that are used (API 1.41 to 1.52). Everything else in them is ignored.

Decoding into these is the check that an answer is complete: what has no default must be there. Go writes empty lists
and missing objects as null, hence the `| None`. They can hold no cycle, so the garbage collector need not look at the
tens of thousands of them that a large Swarm gives (gc=False).
"""

from __future__ import annotations

from msgspec import Raw, Struct, field
from msgspec.structs import force_setattr


class Named(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """Anything of which only the name counts: a driver."""

    name: str = ""


class NetworkSpec(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """How a network was asked for."""

    name: str = ""
    ingress: bool = False


class Network(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """A network as it is embedded in a task that is attached to it."""

    id: str = field(name="ID")
    spec: NetworkSpec = NetworkSpec()
    driver_state: Named | None = None


class Attachment(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """A task's place in a network. addresses: "10.0.0.5/24"."""

    network: Network
    addresses: tuple[str, ...] | None = None


_NONE = Raw(b"")


def _template_of(spec: Raw) -> int:
    """Equal for equal specifications of tasks, in this process. The engine names the runtime, at the end, in those of
    services alone."""
    text = bytes(spec)
    at = text.rfind(b',"Runtime":', -100)
    return hash(text if at < 0 else text[:at] + b"}")


class ContainerStatus(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """The container that runs a task."""

    container_id: str = field(name="ContainerID", default="")


class TaskStatus(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """What a task is, as its node last said."""

    state: str
    container_status: ContainerStatus | None = None


class Task(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """One task. slot: 0 for global services. created_at: RFC 3339 with up to nine digits of the second, UTC.

    template: which specification it was made from; `spec` itself is not kept.
    """

    id: str = field(name="ID")
    service_id: str = field(name="ServiceID", default="")
    node_id: str = field(name="NodeID", default="")
    slot: int = 0
    created_at: str = ""
    desired_state: str
    status: TaskStatus
    networks_attachments: tuple[Attachment, ...] | None = None
    spec: Raw = _NONE
    template: int = 0

    def __post_init__(self) -> None:
        force_setattr(self, "template", _template_of(self.spec))
        force_setattr(self, "spec", _NONE)


class ServiceSpec(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """A service as it was asked for. labels: those of the service (deploy.labels), not of its containers.

    template: from which specification its tasks are to be made; `task_template` itself is not kept.
    """

    name: str
    labels: dict[str, str] | None = None
    task_template: Raw = _NONE
    template: int = 0

    def __post_init__(self) -> None:
        force_setattr(self, "template", _template_of(self.task_template))
        force_setattr(self, "task_template", _NONE)


_UPDATING = frozenset({"updating", "rollback_started"})


class UpdateStatus(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """How far the last update is."""

    state: str = ""


class Service(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """One service."""

    id: str = field(name="ID")
    spec: ServiceSpec
    update_status: UpdateStatus | None = None

    @property
    def is_updated(self) -> bool:
        """True while Swarm replaces its tasks, be it to go back to what they were. False while an update is paused:
        nobody knows then which tasks will stay."""
        return self.update_status is not None and self.update_status.state in _UPDATING


class NodeDescription(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """What a node says of itself."""

    hostname: str = ""


class NodeSpec(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """availability: active, pause or drain."""

    availability: str = "active"


class NodeStatus(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """state: ready, down, unknown or disconnected."""

    state: str = "unknown"


class Node(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """One node."""

    id: str = field(name="ID")
    description: NodeDescription | None = None
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Cluster(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """The Swarm itself."""

    id: str = field(name="ID", default="")


class SwarmInfo(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """What the engine knows of its Swarm. cluster: on managers only."""

    node_id: str = field(name="NodeID", default="")
    local_node_state: str = ""
    control_available: bool = False
    cluster: Cluster | None = None


class Info(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """GET /info."""

    swarm: SwarmInfo = SwarmInfo()


class Endpoint(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """A container's place in a network."""

    network_id: str = field(name="NetworkID", default="")


class NetworkSettings(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """A container's networks by name."""

    networks: dict[str, Endpoint] | None = None


class ContainerConfig(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """How a container was asked for."""

    labels: dict[str, str] | None = None


class Container(Struct, frozen=True, kw_only=True, gc=False, rename="pascal"):
    """GET /containers/ID/json."""

    id: str
    config: ContainerConfig = ContainerConfig()
    network_settings: NetworkSettings = NetworkSettings()


class Refusal(Struct, frozen=True, kw_only=True, gc=False):
    """The body of an answer that is an error."""

    message: str = ""
