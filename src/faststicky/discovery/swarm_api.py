"""The few calls of the Docker Engine API that the Swarm source makes, with every failure turned into a DiscoveryError.

The SDK's client is made at the first call and thrown away after a failure of the connection, so that the next call
negotiates the API version anew: the engine may have been replaced. Not thread-safe.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import docker.errors
import msgspec
import requests
from docker import APIClient

from faststicky.discovery.swarm_shapes import Cluster, Container, Info, Node, Service, Task
from faststicky.errors import DiscoveryError

T = TypeVar("T")

_NOT_A_MANAGER = "run faststicky on managers (--constraint node.role==manager), or give it the endpoint of one"


def connect(endpoint: str, timeout: int) -> Any:
    """The SDK's client of the engine at `endpoint`, version negotiated; never by way of a Docker context.

    Untyped, since half of the SDK's methods are. Raises OSError, docker.errors.DockerException.
    """
    if endpoint.startswith("unix://"):  # the SDK would bury the reason in three layers, and leave the socket open
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(timeout)
            probe.connect("/" + endpoint.removeprefix("unix://").lstrip("/"))
    return APIClient(base_url=endpoint, version="auto", timeout=timeout)


class _RefusedError(DiscoveryError):
    """The engine answered with an HTTP error."""

    def __init__(self, status: int, what: str, *, where: str, remedy: str) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status = status


class SwarmApi:
    """One engine."""

    def __init__(self, endpoint: str, timeout: int = 5) -> None:
        """endpoint: unix:///var/run/docker.sock, tcp://HOST:PORT. timeout: seconds to connect and between two bytes."""
        self.endpoint = endpoint
        self._timeout = timeout
        self._client: Any = None

    def services(self) -> list[Service]:
        """All services."""
        return self._ask("services", list[Service], lambda client: client.services())

    def tasks(self, desired_states: Sequence[str]) -> list[Task]:
        """All tasks that are meant to be in one of these states. Several values of the filter are alternatives."""
        filters = {"desired-state": [*desired_states]}
        return self._ask("tasks", list[Task], lambda client: client.tasks(filters=filters))

    def tasks_by_id(self, ids: Sequence[str]) -> list[Task]:
        """These tasks, as far as they still exist."""
        return self._ask("tasks", list[Task], lambda client: client.tasks(filters={"id": [*ids]}))

    def nodes(self) -> list[Node] | None:
        """All nodes; None where a socket proxy does not allow to ask."""
        return self._ask_unless((403,), "nodes", list[Node], lambda client: client.nodes())

    def cluster_id(self) -> str:
        """The Swarm's ID, "" where a socket proxy does not allow to ask. Raises DiscoveryError on a worker."""
        info = self._ask_unless((403,), "info", Info, lambda client: client.info())
        if info is None:
            cluster = self._ask_unless((403,), "swarm", Cluster, lambda client: client.inspect_swarm())
            return cluster.id if cluster else ""
        if not info.swarm.control_available:
            in_swarm = info.swarm.local_node_state not in ("", "inactive")
            what = "this node is not a Swarm manager" if in_swarm else "this engine is in no Swarm"
            remedy = _NOT_A_MANAGER if in_swarm else "run docker swarm init or docker swarm join"
            raise DiscoveryError(what, where=self.endpoint, remedy=remedy)
        return info.swarm.cluster.id if info.swarm.cluster else ""

    def container(self, container_id: str) -> Container | None:
        """A container of this engine; None if it has no such one, or may not be asked."""
        return self._ask_unless(
            (403, 404), "containers", Container, lambda client: client.inspect_container(container_id)
        )

    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.close()

    def _ask_unless(
        self, statuses: tuple[int, ...], what: str, shape: type[T], call: Callable[[Any], object]
    ) -> T | None:
        """The decoded answer; None for one of these HTTP statuses. Raises DiscoveryError."""
        try:
            return self._ask(what, shape, call)
        except _RefusedError as error:
            if error.status in statuses:
                return None
            raise

    def _ask(self, what: str, shape: type[T], call: Callable[[Any], object]) -> T:
        """The decoded answer. Raises DiscoveryError."""
        try:
            if self._client is None:
                self._client = connect(self.endpoint, self._timeout)
            return msgspec.convert(call(self._client), shape)
        except docker.errors.APIError as error:
            raise self._refused(what, error) from None
        except msgspec.ValidationError as error:
            raise DiscoveryError(f"the answer to /{what} is not complete: {error}", where=self.endpoint) from None
        except (docker.errors.DockerException, requests.RequestException, OSError, ValueError) as error:
            self.close()
            raise self._unreachable(what, error) from None

    def _refused(self, what: str, error: docker.errors.APIError) -> _RefusedError:
        status = error.response.status_code if error.response is not None else 0
        said = str(error.explanation or error)
        text, remedy = f"/{what} answered {status}: {_line(said)}", ""
        if "not a swarm manager" in said or "not part of a swarm" in said:
            text, remedy = "this node is not a Swarm manager", _NOT_A_MANAGER
        elif "does not have a leader" in said:
            remedy = "bring back enough managers for a majority; traffic goes on with the last table"
        elif status == 403:
            remedy = "let the socket proxy allow GET on services, tasks, nodes, info and events"
        return _RefusedError(status, text, where=self.endpoint, remedy=remedy)

    def _unreachable(self, what: str, error: Exception) -> DiscoveryError:
        remedy = "see that the Docker engine runs"
        if isinstance(error, FileNotFoundError):
            remedy = "mount the socket: --mount type=bind,source=/var/run/docker.sock,destination=/var/run/docker.sock"
        elif isinstance(error, PermissionError):
            remedy = "run as root or give the user the socket's group"
        return DiscoveryError(f"no usable answer to /{what}: {_line(str(error))}", where=self.endpoint, remedy=remedy)


def _line(text: str) -> str:
    """One line of at most 300 characters."""
    return " ".join(text.split())[:300]
