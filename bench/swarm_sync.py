"""What a sync with a large Swarm costs: a synthetic Docker API on a Unix socket, asked as the control thread asks a
real one.

usage: python bench/swarm_sync.py [--services 500] [--nodes 1000] [--tasks 10000] [--rounds 10]

Measures CPU time of this process (the supervisor's part; the API runs in a process of its own) for
- a full sync and a services-only sync of a Swarm in which nothing has changed,
- a sync after one task began to be stopped, and what that costs until it is on its way to the workers (seal, saved
  state, messages),
- a worker's part: decoding the messages, building the table, for the first table and for one task that changed. How long its
  traffic waits for that is what publish_pause.py measures. The API's answers have the fields of Docker 20.10's, with 1
kB of environment and mounts in each service's template, which every task repeats. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import socketserver
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from faststicky.control.departure import Departures
from faststicky.control.keyring import Key, Keyring
from faststicky.control.seal import Seals, seal
from faststicky.control.state import StateFile
from faststicky.core import Table, TableBuilder
from faststicky.discovery.swarm import SwarmSource
from faststicky.serve import channel
from faststicky.serve.channel import BackendsPiece, BeginTable, NamesPiece, RoutesPiece, ServicePiece
from faststicky.serve.publication import Publication

WHEN = "2026-01-02T03:04:05.000000001Z"
CHUNK = 32768  # bytes, as the engine writes them


def identity(kind: str, number: int) -> str:
    return f"{kind}{number:0{25 - len(kind)}d}"


def template(number: int) -> dict[str, Any]:
    name = f"stack{number // 10}_service{number % 10}"
    return {
        "ContainerSpec": {
            "Image": f"registry.example.com/team/{name}:1.2.3@sha256:{'0' * 64}",
            "Labels": {"com.docker.stack.namespace": f"stack{number // 10}"},
            "Env": [f"SETTING_{i}=value-of-setting-{i}" for i in range(20)],
            "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
            "Mounts": [{"Type": "volume", "Source": f"{name}_data", "Target": "/data"}],
            "StopGracePeriod": 10000000000,
            "DNSConfig": {},
            "Isolation": "default",
        },
        "Resources": {"Limits": {"MemoryBytes": 536870912}, "Reservations": {"NanoCPUs": 250000000}},
        "RestartPolicy": {"Condition": "any", "Delay": 5000000000, "MaxAttempts": 0},
        "Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
        "Networks": [{"Target": identity("net", 0), "Aliases": [name]}],
        "ForceUpdate": 0,
    }


def service(number: int, replicas: int) -> dict[str, Any]:
    name = f"stack{number // 10}_service{number % 10}"
    labels = {
        "com.docker.stack.namespace": f"stack{number // 10}",
        "traefik.docker.network": "proxy",
        "traefik.port": "8000",
        "traefik.frontend.rule": f"Host:{name}.example.com",
        "traefik.backend.loadbalancer.stickiness": "true",
    }
    spec = {"Name": name, "Labels": labels, "TaskTemplate": template(number)}
    return {
        "ID": identity("svc", number),
        "Version": {"Index": 19},
        "CreatedAt": WHEN,
        "UpdatedAt": WHEN,
        "Spec": {**spec, "Mode": {"Replicated": {"Replicas": replicas}}, "EndpointSpec": {"Mode": "vip"}},
        "PreviousSpec": {**spec, "Mode": {"Replicated": {"Replicas": replicas}}, "EndpointSpec": {"Mode": "vip"}},
        "Endpoint": {"Spec": {}, "VirtualIPs": [{"NetworkID": identity("net", 0), "Addr": "10.0.0.2/16"}]},
        "UpdateStatus": {"State": "completed", "StartedAt": WHEN, "CompletedAt": WHEN, "Message": "update completed"},
        "ServiceStatus": {"RunningTasks": replicas, "DesiredTasks": replicas, "CompletedTasks": 0},
    }


def task(number: int, of_service: int, slot: int, nodes: int) -> dict[str, Any]:
    network = {
        "ID": identity("net", 0),
        "Version": {"Index": 12},
        "CreatedAt": WHEN,
        "UpdatedAt": WHEN,
        "Spec": {
            "Name": "proxy",
            "Labels": {},
            "DriverConfiguration": {"Name": "overlay"},
            "IPAMOptions": {"Driver": {"Name": "default"}},
            "Scope": "swarm",
        },
        "DriverState": {"Name": "overlay", "Options": {"com.docker.network.driver.overlay.vxlanid_list": "4097"}},
        "IPAMOptions": {"Driver": {"Name": "default"}, "Configs": [{"Subnet": "10.0.0.0/16", "Gateway": "10.0.0.1"}]},
    }
    return {
        "ID": identity("task", number),
        "Version": {"Index": 20},
        "CreatedAt": WHEN,
        "UpdatedAt": WHEN,
        "Labels": {},
        "Spec": template(of_service),
        "ServiceID": identity("svc", of_service),
        "Slot": slot,
        "NodeID": identity("node", number % nodes),
        "Status": {
            "Timestamp": WHEN,
            "State": "running",
            "Message": "started",
            "ContainerStatus": {"ContainerID": f"{number:064x}", "PID": 4711, "ExitCode": 0},
            "PortStatus": {},
        },
        "DesiredState": "running",
        "NetworksAttachments": [
            {"Network": network, "Addresses": [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/16"]}
        ],
    }


def node(number: int) -> dict[str, Any]:
    plugins = [
        {"Type": "Log", "Name": name} for name in ("awslogs", "fluentd", "gelf", "journald", "json-file", "syslog")
    ]
    return {
        "ID": identity("node", number),
        "Version": {"Index": 35},
        "CreatedAt": WHEN,
        "UpdatedAt": WHEN,
        "Spec": {"Labels": {}, "Role": "worker", "Availability": "active"},
        "Description": {
            "Hostname": f"host{number}.example.com",
            "Platform": {"Architecture": "x86_64", "OS": "linux"},
            "Resources": {"NanoCPUs": 8000000000, "MemoryBytes": 33554432000},
            "Engine": {"EngineVersion": "20.10.24", "Plugins": plugins},
            "TLSInfo": {"TrustRoot": "c" * 550, "CertIssuerSubject": "MBMx", "CertIssuerPublicKey": "k" * 120},
        },
        "Status": {"State": "ready", "Addr": f"192.0.{number >> 8}.{number & 255}"},
    }


def compact(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


class Api(BaseHTTPRequestHandler):
    """Bodies are made before; what is measured is not this process."""

    protocol_version = "HTTP/1.1"
    bodies: dict[str, bytes]
    stopping: int  # the task that is being stopped, -1 for none

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.removeprefix("/v1.41")
        if path == "/stop":
            type(self).stopping += 1
            number = type(self).stopping
            old = identity("task", number).encode()
            tasks = self.bodies["/tasks"]
            begin = tasks.index(b'{"ID":"' + old)
            end = tasks.index(b'{"ID":"task', begin + 1)
            self.bodies["/tasks"] = tasks[:begin] + tasks[end:]
            gone = tasks[begin : end - 1].replace(b'"DesiredState":"running"', b'"DesiredState":"shutdown"')
            self.bodies["/gone"] = b"[" + gone + b"]"
            services = json.loads(self.bodies["/services"])
            of_service = json.loads(gone)["ServiceID"]
            next(one for one in services if one["ID"] == of_service)["ServiceStatus"]["DesiredTasks"] -= 1
            self.bodies["/services"] = compact(services)
            return self.answer(b"{}")
        if path == "/tasks" and "id" in json.loads(parse_qs(urlsplit(self.path).query)["filters"][0]):
            return self.answer(self.bodies["/gone"])
        return self.answer(self.bodies[path])

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), CHUNK):
            piece = body[at : at + CHUNK]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve(path: str, services: int, nodes: int, tasks: int, sizes: Any) -> None:
    """The API's process. `sizes` is told the bytes of each answer."""
    replicas = tasks // services
    bodies: dict[str, object] = {
        "/version": {"ApiVersion": "1.41", "Version": "20.10.24"},
        "/info": {"Swarm": {"LocalNodeState": "active", "ControlAvailable": True, "Cluster": {"ID": "c" * 25}}},
        "/services": [service(i, replicas) for i in range(services)],
        "/nodes": [node(i) for i in range(nodes)],
        "/tasks": [task(i, i // replicas, i % replicas + 1, nodes) for i in range(replicas * services)],
    }
    Api.bodies = {path: compact(body) for path, body in bodies.items()}
    Api.stopping = -1
    with Server(path, Api) as server:
        sizes.send({path[1:]: len(body) for path, body in Api.bodies.items()})
        server.serve_forever()


def cost(call: Callable[[], object]) -> tuple[float, float]:
    """(CPU seconds of this process, seconds) of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def median(calls: list[tuple[float, float]]) -> dict[str, float]:
    cpu, wall = (statistics.median(column) for column in zip(*calls, strict=True))
    return {"cpu_ms": round(cpu * 1e3, 2), "ms": round(wall * 1e3, 2)}


def measure(endpoint: str, rounds: int, state: Path) -> dict[str, Any]:
    result: dict[str, Any] = {}
    source = SwarmSource(endpoint, own_ids=())
    departures = Departures()
    keyring = Keyring(Key(b"k" * 32, "memory"))
    file = StateFile(state)
    held: list[Any] = []

    def sync() -> None:
        held[:] = [source.discover()]

    result["first_sync"] = median([cost(sync)])
    full = []
    for _ in range(rounds + 1):  # the first of them asks for the running tasks alone for the first time
        source._full_at = -1e9  # its time has come
        full.append(cost(sync))
    result["sync_at_rest_full"] = median(full[1:])
    source._full_at = time.monotonic() + 1e6
    result["sync_at_rest"] = median([cost(sync) for _ in range(rounds)])
    seals = Seals()
    published: list[Publication] = []
    result["first_table"] = {"seal": median([cost(lambda: published.append(publication(held[0], keyring, 1, seals)))])}
    tables: list[Table] = []
    result["first_table"].update(worker_part(published[0], None, tables))
    computed = keyring.current.computed
    before = held[0]
    changed: dict[str, list[tuple[float, float]]] = {name: [] for name in ("sync", "compare", "seal", "save")}
    parts: list[dict[str, Any]] = []
    for generation in range(2, rounds + 2):
        source._api._client.get(f"{source._api._client.base_url}/stop").raise_for_status()
        changed["sync"].append(cost(sync))
        snapshot = departures.apply(held[0])
        assert snapshot.services != before.services
        changed["compare"].append(cost(lambda: snapshot.same_as(before)))  # noqa: B023
        before = snapshot
        changed["seal"].append(cost(lambda: published.append(publication(snapshot, keyring, generation, seals))))  # noqa: B023
        changed["save"].append(cost(lambda: file.save(snapshot)))  # noqa: B023
        parts.append(worker_part(published[-1], published[-2], tables))
    result["one_task_changed"] = {name: median(calls) for name, calls in changed.items()}
    for name in parts[0]:
        result["one_task_changed"][name] = (
            {unit: statistics.median(part[name][unit] for part in parts) for unit in parts[0][name]}
            if isinstance(parts[0][name], dict)
            else statistics.median(part[name] for part in parts)
        )
    result["hmacs_at_rest_and_changed"] = keyring.current.computed - computed
    result["state_file_bytes"] = file.path.stat().st_size if file.path else 0
    result["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    source.close()
    return result


def publication(snapshot: Any, keyring: Keyring, generation: int, seals: Seals) -> Publication:
    return Publication(seal(snapshot, keyring, generation, seals))


def worker_part(table: Publication, before: Publication | None, tables: list[Table]) -> dict[str, Any]:
    """From the supervisor's comparing and encoding to a table; the worker's own is replaced by the new one."""
    frames: list[bytes] = []
    pieces: list[Any] = []
    found: dict[str, Any] = {"encode": median([cost(lambda: frames.extend(table.frames(before)))])}
    found["message_bytes"] = sum(map(len, frames))
    found["worker_decode"] = median(
        [cost(lambda: pieces.extend(channel._decoder.decode(frame[4:]) for frame in frames))]
    )
    found["worker_build"] = median([cost(lambda: tables.append(built(pieces, tables[-1] if tables else None)))])
    del tables[:-1]
    return found


def built(pieces: list[Any], base: Table | None) -> Table:
    builder = TableBuilder(1, base)
    for piece in pieces:
        match piece:
            case ServicePiece():
                run(builder.service(piece.service, piece.backends, piece.values))
            case BackendsPiece():
                run(builder.backends(piece.segments))
            case NamesPiece():
                builder.names(list(piece.names))
            case RoutesPiece():
                builder.routes(list(piece.routes))
            case BeginTable():
                pass
    run(builder.finish())
    return builder.table


def run(steps: Iterable[None]) -> None:
    for _ in steps:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("services", 500), ("nodes", 1000), ("tasks", 10000), ("rounds", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="faststicky-bench-") as folder:
        ours, theirs = context.Pipe(duplex=False)
        path = f"{folder}/docker.sock"
        api = context.Process(target=serve, args=(path, asked.services, asked.nodes, asked.tasks, theirs), daemon=True)
        api.start()
        try:
            sizes = ours.recv()
            found = measure(f"unix://{path}", asked.rounds, Path(folder) / "state")
        finally:
            api.terminate()
            api.join()
    print(json.dumps({**vars(asked), "cpus": os.cpu_count(), "answer_bytes": sizes, **found}, indent=2))


if __name__ == "__main__":
    main()
