"""A real Docker Swarm of several nodes on one machine.

Every node is a Docker engine in a network namespace of its own (address 10.99.0.N); the nodes' links meet on a bridge
that lives in a namespace too, so that the machine's own links, routes and firewall are never touched. Overlay
networks (VXLAN) span the nodes.

What is special here, and why the tests' services are made as they are: the kernels that this has to run on may lack
IPVS, and then neither a service's virtual address nor the ingress mesh answers. So services get `--endpoint-mode
dnsrr` and publish their ports with `mode=host`; a request goes to the node that runs the task.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .daemon import Daemon, network_namespace, remove_cgroups

PREFIX = "fslab"
NO_NAMES = (
    "nameserver 10.99.0.254\n"  # refuses at once: every task start asks a registry for its image, and would wait 20 s
)


def run(*argv: str, check: bool = True) -> str:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class Lab:
    """`managers` + `workers` nodes, numbered from 1 (the first manager). Use it as a context manager.

    Everything is named after `id` (fslabPID): network namespaces fslabPID-n1…, fslabPID-lan, control group fslabPID
    and one folder.
    """

    def __init__(self, managers: int = 2, workers: int = 1) -> None:
        remove_stale()
        self.id = f"{PREFIX}{os.getpid()}"
        self.folder = Path(tempfile.gettempdir()) / self.id
        self.folder.mkdir(mode=0o700)
        self._lock = _lock(self.folder)
        self.managers = managers
        self.lan = f"{self.id}-lan"
        self.nodes = [
            Daemon(f"n{n}", self.folder / f"n{n}", cgroup=self.id, netns=f"{self.id}-n{n}", resolv=NO_NAMES)
            for n in range(1, managers + workers + 1)
        ]

    def __enter__(self) -> Lab:
        try:
            self._up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.down()

    def _up(self) -> None:
        run("ip", "netns", "add", self.lan)
        run("ip", "-n", self.lan, "link", "set", "lo", "up")
        # Nobody listens for names there: a refusal that is held back is a name server that is silent for 5 s
        run("ip", "netns", "exec", self.lan, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0")
        run("ip", "-n", self.lan, "link", "add", "lan", "type", "bridge")
        run("ip", "-n", self.lan, "addr", "add", "10.99.0.254/24", "dev", "lan")
        run("ip", "-n", self.lan, "link", "set", "lan", "up")
        for n, node in enumerate(self.nodes, 1):
            run("ip", "netns", "add", node.netns)
            run("ip", "-n", node.netns, "link", "set", "lo", "up")
            run(
                "ip",
                "-n",
                self.lan,
                "link",
                "add",
                f"p{n}",
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                node.netns,
            )
            run("ip", "-n", self.lan, "link", "set", f"p{n}", "master", "lan", "up")
            run("ip", "-n", node.netns, "addr", "add", f"{self.address(n)}/24", "dev", "eth0")
            run("ip", "-n", node.netns, "link", "set", "eth0", "up")
            run("ip", "-n", node.netns, "route", "add", "default", "via", "10.99.0.254")
            node.start()
        for node in self.nodes:
            node.wait_ready()
        self.docker("swarm", "init", "--advertise-addr", self.address(1))
        for n, node in enumerate(self.nodes[1:], 2):
            token = self.docker("swarm", "join-token", "-q", "manager" if n <= self.managers else "worker")
            node.docker(
                "swarm", "join", "--token", token, "--advertise-addr", self.address(n), f"{self.address(1)}:2377"
            )

    def down(self) -> None:
        """Stop everything and remove it."""
        for node in self.nodes:
            node.kill()
        _remove(self.id, self.folder)
        os.close(self._lock)

    # -- what tests do with it

    def address(self, node: int) -> str:
        return f"10.99.0.{node}"

    def docker(self, *args: str, node: int = 1) -> str:
        """Run the docker client against a node and return what it printed."""
        return self.nodes[node - 1].docker(*args) or ""

    def service_logs(self, service: str) -> str:
        """What all tasks of a service have written, to standard output and error."""
        command = ["docker", "-H", self.nodes[0].socket, "service", "logs", "--raw", service]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        ).stdout

    def load(self, archive: Path) -> None:
        """Load an image (the output of `docker save`) into every node, all at the same time."""
        loads = [
            subprocess.Popen(
                ["docker", "-H", node.socket, "load", "-q", "-i", str(archive)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            for node in self.nodes
        ]  # fmt: skip
        failed = [error.decode() for load in loads if (error := load.communicate()[1]) and load.returncode != 0]
        if failed:
            raise RuntimeError(f"docker load: {failed}")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """The sockets that this thread opens in the block are those of a client beside the nodes (10.99.0.254)."""
        with network_namespace(self.lan):
            yield

    def argv_inside(self, *argv: str, node: int | None = None) -> list[str]:
        """A command line that runs `argv` in a node's network namespace, or in that of a client beside the nodes."""
        return ["nsenter", f"--net=/run/netns/{self.lan if node is None else self.nodes[node - 1].netns}", *argv]

    def kill(self, node: int) -> None:
        """A power cut: the node's engine and containers end at once."""
        self.nodes[node - 1].kill()

    def start(self, node: int) -> None:
        self.nodes[node - 1].start()
        self.nodes[node - 1].wait_ready()

    def cut(self, node: int) -> None:
        """Take a node off the network; `heal` puts it back."""
        run("ip", "-n", self.lan, "link", "set", f"p{node}", "down")

    def heal(self, node: int) -> None:
        run("ip", "-n", self.lan, "link", "set", f"p{node}", "up")

    def tasks(self, service: str) -> dict[str, str]:
        """Running tasks of a service: container ID (12 digits, the host name inside) to node name."""
        found = {}
        for node in self.nodes:
            listed = node.docker("ps", "-q", "--filter", f"label=com.docker.swarm.service.name={service}")
            found.update(dict.fromkeys((listed or "").split(), node.name))
        return found

    def overlay_address(self, container: str, network: str) -> str:
        """The address that a container has on an overlay network."""
        for node in self.nodes:
            form = '{{(index .NetworkSettings.Networks "' + network + '").IPAddress}}'
            address = node.docker("inspect", "--format", form, container, check=False, quiet=True)
            if address:
                return address
        raise RuntimeError(f"no node runs the container {container}")

    def report(self) -> str:
        """What one wants to see when a test has failed."""
        first = self.nodes[0]
        services = (first.docker("service", "ls", "-q", check=False) or "").split()
        commands = [("node", "ls"), ("service", "ls"), *(("service", "ps", "--no-trunc", name) for name in services)]
        parts = [first.docker(*command, check=False) or "" for command in commands]
        for node in self.nodes:
            parts.append(f"--- {node.name}: dockerd\n{node.tail()}")
            for container in (node.docker("ps", "-aq", check=False) or "").split():
                command = ["docker", "-H", node.socket, "logs", "--tail", "40", container]
                logs = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
                parts.append(f"--- {node.name}: container {container}\n{logs}")
        return "\n".join(parts)


def wait_until(condition, what: str, seconds: float = 45, pause: float = 0.2):
    """Return the first true value of `condition()`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)
    return value


def remove_stale() -> None:
    """Remove what a run that was killed has left: folders whose lock nobody holds any more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*"):
        with contextlib.suppress(BlockingIOError):
            lock = _lock(folder)
            _remove(folder.name, folder)
            os.close(lock)


def leftovers(id_: str) -> list[str]:
    """Traces that the lab `id_` has left on the machine; empty after `down`."""
    found = [f"netns {line}" for line in run("ip", "netns", "list").splitlines() if line.startswith(id_)]
    found += [f"link {line}" for line in run("ip", "-o", "link").splitlines() if id_ in line]
    found += [f"mount {line}" for line in Path("/proc/mounts").read_text().splitlines() if id_ in line]
    found += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"**/{id_}")]
    found += [f"folder {path}" for path in Path(tempfile.gettempdir()).glob(f"{id_}*")]
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = command.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if f"/{id_}/" in line or f"{id_}-" in line:
                found.append(f"process {command.parent.name}: {line}")
    return found


def _lock(folder: Path) -> int:
    """Hold the folder for as long as this process lives. Raises BlockingIOError if another one does."""
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def _remove(id_: str, folder: Path) -> None:
    for line in run("ip", "netns", "list", check=False).splitlines():
        if line.startswith(f"{id_}-"):
            run("ip", "netns", "del", line.split()[0], check=False)
    remove_cgroups(id_)
    shutil.rmtree(folder)
