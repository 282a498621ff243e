"""The few calls of the Docker Engine API that the Swarm source makes, with every failure turned into a DiscoveryError.

The SDK's client (a requests session) is made at the first call and thrown away after a failure of the connection, so
that the next call negotiates the API version anew: the engine may have been replaced. Of its answers the bytes are
taken, not the dictionaries: msgspec decodes only the fields that are used, and an answer with the same bytes as the
last one is not decoded at all but is the same object. Not thread-safe.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import docker.errors
import msgspec
import orjson
import requests
from docker import APIClient
from docker.utils import version_gte

from faststicky.discovery.swarm_shapes import Cluster, Container, Info, Node, Refusal, Service, Task
from faststicky.errors import DiscoveryError

T = TypeVar("T")

_WORKER = "this node is not a Swarm manager"
_NOT_A_MANAGER = (
    "run faststicky on managers (--constraint node.role==manager), or give all of them --feed-listen and the secret "
    "faststicky_key, so that those on workers follow those on managers"
)


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


class NotAManagerError(_RefusedError):
    """The engine's node is a worker: it knows neither services nor tasks."""


class _Call(Generic[T]):
    """One kind of call: how its answer is decoded, and the last one."""

    def __init__(self, what: str, shape: type[T]) -> None:
        self.what = what
        self._decoder = msgspec.json.Decoder(shape)
        self._last: tuple[bytes, T] | None = None

    def decode(self, body: bytes) -> T:
        """Raises msgspec.MsgspecError, UnicodeDecodeError."""
        return self._decoder.decode(body)

    def decode_news(self, body: bytes) -> T:
        """The same object as the last time if it would be equal."""
        digest = hashlib.blake2b(body, digest_size=16).digest()
        if self._last is None or self._last[0] != digest:
            self._last = (digest, self.decode(body))
        return self._last[1]


class SwarmApi:
    """One engine. What the lists return is shared with the next call: do not change it."""

    def __init__(self, endpoint: str, timeout: int = 5) -> None:
        """endpoint: unix:///var/run/docker.sock, tcp://HOST:PORT. timeout: seconds to connect and between two bytes."""
        self.node_id = ""  # of the engine's node, once cluster_id has been asked
        self.endpoint = endpoint
        self._timeout = timeout
        self._client: Any = None
        self._services = _Call("services", list[Service])
        self._running = _Call("tasks", list[Task])
        self._tasks = _Call("tasks", list[Task])
        self._nodes = _Call("nodes", list[Node])
        self._info = _Call("info", Info)
        self._swarm = _Call("swarm", Cluster)
        self._container = _Call("containers", Container)

    @property
    def counts_tasks(self) -> bool:
        """True if `services` tells how many tasks each service has (API 1.41, Docker 20.10); known after a call."""
        return self._client is not None and version_gte(self._client.api_version, "1.41")

    def services(self) -> Sequence[Service]:
        """All services. The same object as the last time if nothing in them, numbers of tasks included, has changed."""
        return self._news(self._services, self._fetch("services", "/services", {"status": "true"}))

    def services_as(self, shape: type[T]) -> list[T]:
        """All services, decoded into another shape: for those who need other parts of them than a sync does."""
        return self._decoded(_Call("services", list[shape]), self._fetch("services", "/services"))  # type: ignore[valid-type]

    def tasks(self, desired_states: Sequence[str]) -> Sequence[Task]:
        """All tasks that are meant to be in one of these states. Several values of the filter are alternatives.

        Of the tasks that are meant to run: the same object as the last time if nothing has changed.
        """
        body = self._fetch("tasks", "/tasks", _filters({"desired-state": desired_states}))
        if desired_states == ("running",):
            return self._news(self._running, body)
        return self._decoded(self._tasks, body)

    def tasks_by_id(self, ids: Sequence[str]) -> Sequence[Task]:
        """These tasks, as far as they still exist."""
        return self._decoded(self._tasks, self._fetch("tasks", "/tasks", _filters({"id": ids})))

    def nodes(self) -> Sequence[Node] | None:
        """All nodes; None where a socket proxy does not allow to ask. The same object as the last time if unchanged."""
        body = self._fetch_unless((403,), "nodes", "/nodes")
        return None if body is None else self._news(self._nodes, body)

    def cluster_id(self) -> str:
        """The Swarm's ID, "" where a socket proxy does not allow to ask. Raises DiscoveryError on a worker."""
        body = self._fetch_unless((403,), "info", "/info")
        if body is None:
            body = self._fetch_unless((403,), "swarm", "/swarm")
            return "" if body is None else self._decoded(self._swarm, body).id
        info = self._decoded(self._info, body)
        self.node_id = info.swarm.node_id
        if not info.swarm.control_available:
            in_swarm = info.swarm.local_node_state not in ("", "inactive")
            if in_swarm:
                raise NotAManagerError(503, _WORKER, where=self.endpoint, remedy=_NOT_A_MANAGER)
            remedy = "run docker swarm init or docker swarm join"
            raise DiscoveryError("this engine is in no Swarm", where=self.endpoint, remedy=remedy)
        return info.swarm.cluster.id if info.swarm.cluster else ""

    def container(self, container_id: str) -> Container | None:
        """A container of this engine; None if it has no such one, or may not be asked."""
        body = self._fetch_unless((403, 404), "containers", f"/containers/{container_id}/json")
        return None if body is None else self._decoded(self._container, body)

    def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.close()

    def _fetch_unless(self, statuses: tuple[int, ...], what: str, path: str) -> bytes | None:
        """The body; None for one of these HTTP statuses. Raises DiscoveryError."""
        try:
            return self._fetch(what, path)
        except _RefusedError as error:
            if error.status in statuses:
                return None
            raise

    def _fetch(self, what: str, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """The body of the answer. Raises DiscoveryError."""
        try:
            if self._client is None:
                self._client = connect(self.endpoint, self._timeout)
            url = f"{self._client.base_url}/v{self._client.api_version}{path}"
            response = self._client.get(url, params=query, timeout=self._timeout)
            body: bytes = response.content
        except (docker.errors.DockerException, requests.RequestException, OSError, ValueError) as error:
            self.close()
            raise self._unreachable(what, error) from None
        if response.status_code != 200:
            raise self._refused(what, response.status_code, body)
        return body

    def _news(self, call: _Call[T], body: bytes) -> T:
        try:
            return call.decode_news(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._incomplete(call.what, error) from None

    def _decoded(self, call: _Call[T], body: bytes) -> T:
        try:
            return call.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._incomplete(call.what, error) from None

    def _incomplete(self, what: str, error: Exception) -> DiscoveryError:
        remedy = "if it stays so, see what stands between (a socket proxy), or which version the engine is"
        return DiscoveryError(f"the answer to /{what} is not complete: {error}", where=self.endpoint, remedy=remedy)

    def _refused(self, what: str, status: int, body: bytes) -> _RefusedError:
        try:
            said = msgspec.json.decode(body, type=Refusal).message
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            said = body[:1000].decode("utf-8", "replace")
        text, remedy = f"/{what} answered {status}: {_line(said)}", ""
        if "not a swarm manager" in said or "not part of a swarm" in said:
            return NotAManagerError(status, _WORKER, where=self.endpoint, remedy=_NOT_A_MANAGER)
        if "does not have a leader" in said:
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


def _filters(filters: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The query of a list call: all filters must match, the values of one are alternatives."""
    return {"filters": orjson.dumps({key: list(values) for key, values in filters.items()}).decode()}


def _line(text: str) -> str:
    """One line of at most 300 characters."""
    return " ".join(text.split())[:300]
