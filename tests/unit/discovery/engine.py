"""A small Docker engine for tests: a real HTTP server on a Unix socket that answers a Swarm manager's calls.

Its answers have the shape that engines give (API 1.41; fields that nobody reads are there too, to be ignored). The
filters of /tasks work as in the engine, so that what is asked for matters. `faults` makes it misbehave.
"""

from __future__ import annotations

import json
import queue
import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

CLUSTER = "clusterid0000000000000000"
NOT_A_MANAGER = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this "
    "command on a manager node or promote the current node to a manager."
)
T = TypeVar("T")
Fault = Callable[["Handler"], None]


def written(body: object) -> bytes:
    """JSON as Go writes it."""
    return json.dumps(body, separators=(",", ":")).encode()


def decoded(body: object, shape: type[T]) -> T:
    """What the source makes of an answer."""
    return msgspec.json.decode(written(body), type=shape)


def network(name: str, *, ident: str = "", ingress: bool = False, driver: str = "overlay") -> dict[str, Any]:
    return {
        "ID": ident or f"net-{name}",
        "Version": {"Index": 12},
        "Spec": {"Name": name, "Labels": {}, "DriverConfiguration": {}, "Ingress": ingress, "Scope": "swarm"},
        "DriverState": {"Name": driver, "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"}},
        "IPAMOptions": {"Driver": {"Name": "default"}, "Configs": [{"Subnet": "10.0.0.0/24"}]},
    }


def task(
    service: str,
    slot: int,
    *addresses: tuple[str, str],
    ident: str = "",
    node: str = "node1",
    state: str = "running",
    desired: str = "running",
    created: str = "2026-01-02T03:04:05.000000001Z",
    container: str = "",
    image: str = "app:1",
) -> dict[str, Any]:
    """addresses: (network name, "10.0.0.5/24")."""
    result = {
        "ID": ident or f"{service}-{slot or node}",
        "Version": {"Index": 20},
        "CreatedAt": created,
        "UpdatedAt": created,
        "Labels": {},
        "Spec": {"ContainerSpec": {"Image": image}, "ForceUpdate": 0},
        "ServiceID": f"{service}-id",
        "NodeID": node,
        "Status": {
            "Timestamp": created,
            "State": state,
            "Message": "started",
            "ContainerStatus": {"ContainerID": container or "0" * 64, "PID": 1, "ExitCode": 0},
            "PortStatus": {},
        },
        "DesiredState": desired,
        "NetworksAttachments": [
            {"Network": network(name, ingress=name == "ingress"), "Addresses": [address]} for name, address in addresses
        ],
    }
    if slot:
        result["Slot"] = slot  # of a global service there is none
    return result


def service(name: str, labels: dict[str, str], update: str = "", image: str = "app:1") -> dict[str, Any]:
    template = {
        "ContainerSpec": {"Image": image},
        "ForceUpdate": 0,
        "Runtime": "container",
    }  # no task names its runtime
    result: dict[str, Any] = {
        "ID": f"{name}-id",
        "Version": {"Index": 19},
        "Spec": {"Name": name, "Labels": labels, "TaskTemplate": template, "Mode": {"Replicated": {"Replicas": 2}}},
        "Endpoint": {"Spec": {"Mode": "vip"}, "VirtualIPs": [{"NetworkID": "net-app", "Addr": "10.0.0.2/24"}]},
    }
    if update:
        result["UpdateStatus"] = {"State": update, "Message": ""}
    return result


def node(ident: str, *, hostname: str = "", availability: str = "active", state: str = "ready") -> dict[str, Any]:
    return {
        "ID": ident,
        "Spec": {"Labels": {}, "Role": "manager", "Availability": availability},
        "Description": {"Hostname": hostname or ident, "Platform": {"OS": "linux"}},
        "Status": {"State": state, "Addr": "192.0.2.1"},
    }


class Engine:
    """What the engine knows, and a record of what it was asked."""

    def __init__(self, path: Path) -> None:
        self.endpoint = f"unix://{path}"
        self.path = path
        self.version = "1.41"
        self.services: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = [node("node1"), node("node2")]
        self.containers: dict[str, dict[str, Any]] = {}
        self.manager = True
        self.faults: dict[str, Fault] = {}  # by the first part of the path: "tasks"
        self.asked: list[tuple[str, dict[str, Any]]] = []  # (path without version, filters)
        self.streams: list[queue.Queue[bytes | None]] = []  # one of each open /events
        self.stream_opened = threading.Event()

    def calls(self, name: str) -> list[dict[str, Any]]:
        return [filters for path, filters in self.asked if path.split("/")[1] == name]

    def emit(self, event: dict[str, Any]) -> None:
        for stream in self.streams:
            stream.put(json.dumps(event).encode() + b"\n")

    def cut_streams(self) -> None:
        streams, self.streams = self.streams, []
        self.stream_opened.clear()
        for stream in streams:
            stream.put(None)

    def info(self) -> dict[str, Any]:
        swarm = {"NodeID": "node1", "LocalNodeState": "active", "ControlAvailable": self.manager, "Error": ""}
        if self.manager:
            swarm["Cluster"] = {"ID": CLUSTER, "Spec": {"Name": "default"}}
        return {"ID": "engine", "Name": "node1", "ServerVersion": "20.10.24", "Swarm": swarm}

    def counted(self, service: dict[str, Any]) -> dict[str, Any]:
        """A service with the numbers of its tasks, as ?status=true asks for (API 1.41)."""
        tasks = [task for task in self.tasks if task["ServiceID"] == service["ID"]]
        running = sum(task["Status"]["State"] == "running" for task in tasks)
        desired = sum(task["DesiredState"] == "running" for task in tasks)
        return {**service, "ServiceStatus": {"RunningTasks": running, "DesiredTasks": desired, "CompletedTasks": 0}}

    def filtered_tasks(self, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        """As swarmkit does: values of one filter are alternatives, filters must all match, IDs are prefixes."""
        desired, ids = filters.get("desired-state"), filters.get("id")
        return [
            task
            for task in self.tasks
            if (not desired or task["DesiredState"] in desired) and (not ids or task["ID"].startswith(tuple(ids)))
        ]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        engine = self.server.engine
        parts = urlsplit(self.path)
        path = re.sub(r"^/v1\.[0-9]+", "", parts.path)
        name = path.split("/")[1]
        raw = json.loads(parse_qs(parts.query).get("filters", ["{}"])[0])
        filters = {key: list(value) for key, value in raw.items()}
        engine.asked.append((path, filters))
        if fault := engine.faults.get(name):
            fault(self)
        elif name == "version":
            self.answer({"ApiVersion": engine.version, "MinAPIVersion": "1.12", "Version": "20.10.24"})
        elif name == "info":
            self.answer(engine.info())
        elif name == "events":
            self.stream()
        elif name == "containers":
            container = engine.containers.get(path.split("/")[2])
            self.answer(container or {"message": "No such container"}, 200 if container else 404)
        elif not engine.manager:
            self.answer({"message": NOT_A_MANAGER}, 503)
        elif name == "services":
            counted = parse_qs(parts.query).get("status") == ["true"]
            self.answer([engine.counted(one) for one in engine.services] if counted else engine.services)
        elif name == "tasks":
            self.answer(engine.filtered_tasks(filters))
        elif name == "nodes":
            self.answer(engine.nodes)
        elif name == "swarm":
            self.answer({"ID": CLUSTER})
        else:
            self.answer({"message": "page not found"}, 404)

    def answer(self, body: object, status: int = 200) -> None:
        self.raw(written(body), status)

    def raw(self, data: bytes, status: int = 200, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def stream(self) -> None:
        events: queue.Queue[bytes | None] = queue.Queue()
        self.server.engine.streams.append(events)  # before the client can know of the stream
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.server.engine.stream_opened.set()
        self.close_connection = True
        try:
            while (data := events.get()) is not None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            pass  # the client has gone

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        super().__init__(str(engine.path), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is no error here."""


def refuse(status: int, message: str) -> Fault:
    return lambda handler: handler.answer({"message": message}, status)


def garbage(handler: Handler) -> None:
    handler.raw(b'[{"ID": "a", ')


def wrong_shape(handler: Handler) -> None:
    handler.answer([{"ID": 7, "Spec": None}])


def cut(handler: Handler) -> None:
    """Half of an answer, then the connection closes."""
    handler.raw(b'[{"ID":', length=4000)
    handler.close_connection = True


def hang_up(handler: Handler) -> None:
    """No answer at all."""
    handler.close_connection = True


@contextmanager
def running_engine(path: Path) -> Iterator[Engine]:
    """An engine on a Unix socket at `path`; nothing of it is left afterwards."""
    engine = Engine(path)
    server = Server(engine)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        engine.cut_streams()
        server.shutdown()
        server.server_close()
        thread.join(10)
        path.unlink(missing_ok=True)
