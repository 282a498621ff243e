"""One Docker engine of our own, in namespaces of its own, that ends without a trace.

The engine is the first process of a PID namespace: killing it kills every container, shim and containerd with it, and
its mounts vanish with its mount namespace. It dies with the thread that started it, so a crashed test run leaves none
behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

# /run is private, so that containers which bind-mount /var/run/docker.sock get this engine's. The machine's
# resolv.conf may link into the hidden /run, hence the copy. Process 1 is bash, because somebody has to reap the
# shims' orphans. It starts the engine again when that was stopped alone (`stop_engine`).
INIT = """
resolv=$1; halted=$2; shift 2
file=$(readlink -m /etc/resolv.conf)
mount -t tmpfs none /run
mkdir -p /run/docker
case $file in /run/*) mkdir -p "${file%/*}"; touch "$file";; esac
[ ! -e "$file" ] || mount --bind "$resolv" "$file"
hostname "$1"; shift
while :; do
  "$@" & while kill -0 $! 2>/dev/null; do wait $!; done
  mv "$halted" "$halted.seen" 2>/dev/null || break
  while [ -e "$halted.seen" ]; do sleep 0.1; done
done
"""


class Daemon:
    """A dockerd: `folder` keeps its data, its socket and its log; `netns` (optional) is the network namespace it
    lives in.

    resolv: what it reads as /etc/resolv.conf; by default the machine's.
    """

    def __init__(
        self, name: str, folder: Path, *, cgroup: str, netns: str = "", resolv: str = "", options: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.folder = folder
        self.netns = netns
        self.cgroup = cgroup
        self.resolv = resolv
        self.options = options
        self.socket = f"unix://{folder}/docker.sock"
        self.log = folder / "dockerd.log"
        self._halted = folder / "halted"  # the engine shall not be missed when it ends
        self._halted_seen = folder / "halted.seen"  # it has ended, and stays away as long as this is there
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to start; `wait_ready` waits for the end of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "dockerd.pid").unlink(missing_ok=True)  # of an engine that was killed
        for file in (self._halted, self._halted_seen):
            file.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "exec", ignore_errors=True)
        resolv = self.folder / "resolv.conf"
        resolv.write_text(self.resolv or Path("/etc/resolv.conf").read_text())
        own = [
            "unshare",
            "--mount",
            "--propagation=private",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        enter = ["nsenter", f"--net=/run/netns/{self.netns}"] if self.netns else []
        dockerd = [
            "dockerd", "--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec",
            "--pidfile", f"{self.folder}/dockerd.pid", "--cgroup-parent", f"/{self.cgroup}",
            "-H", self.socket, "-H", "unix:///run/docker.sock", *self.options,
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "setpriv",
                    "--pdeathsig",
                    "KILL",
                    *enter,
                    *own,
                    "bash",
                    "-c",
                    INIT,
                    "init",
                    str(resolv),
                    str(self._halted),
                    self.name,
                    *dockerd,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C goes to pytest, which ends the engines in order
            )

    def wait_ready(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while self.docker("version", check=False, quiet=True) is None:
            if time.monotonic() > end or self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"the engine {self.name} did not start:\n{self.tail()}")
            time.sleep(0.1)

    def docker(self, *args: str, check: bool = True, quiet: bool = False, seconds: float = 120) -> str | None:
        """Run the docker client against this engine and return what it printed; None if it failed and not `check`."""
        env = {**os.environ, "DOCKER_HOST": self.socket, "DOCKER_CLI_HINTS": "false"}
        done = subprocess.run(
            ["docker", *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
        )
        if done.returncode == 0:
            return done.stdout.strip()
        if check:
            raise RuntimeError(f"{self.name}: docker {' '.join(args)}: {done.stderr.strip()}\n{self.tail()}")
        if not quiet:
            print(f"{self.name}: docker {' '.join(args)}: {done.stderr.strip()}")
        return None

    def kill(self) -> None:
        """End the engine and all its containers at once, as a power cut would. Its data stay."""
        if self._process is None:
            return
        # Not our child, but its first child: with it the kernel kills the whole PID namespace, and unshare then ends.
        with contextlib.suppress(ProcessLookupError):
            for pid in _children(self._process.pid):
                os.kill(pid, signal.SIGKILL)
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def stop_engine(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the engine alone, as `systemctl stop docker` or a crash does: its containers live as long as it lets them."""
        self._halted.touch()
        os.kill(self.engine(), number)
        end = time.monotonic() + 60
        while not self._halted_seen.exists():
            if time.monotonic() > end:
                raise RuntimeError(f"the engine {self.name} does not end:\n{self.tail()}")
            time.sleep(0.02)

    def start_engine(self) -> None:
        """Start it again where it was."""
        self._halted_seen.unlink()
        self.wait_ready()

    def argv_inside(self, *argv: str) -> list[str]:
        """A command line that runs `argv` with the engine's own /run."""
        return ["nsenter", f"--mount=/proc/{self._init()}/ns/mnt", *argv]

    def _init(self) -> int:
        """Process ID of process 1 of its namespace, which has the orphans of containers, too."""
        assert self._process is not None, "it is not started"
        (init,) = _children(self._process.pid)
        return init

    def engine(self) -> int:
        """Its process ID."""
        return next(pid for pid in _children(self._init()) if Path(f"/proc/{pid}/comm").read_text() == "dockerd\n")

    def tail(self, lines: int = 25) -> str:
        """The end of the engine's log, for a failed test's report."""
        if not self.log.exists():
            return f"{self.log}: no log"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def remove_cgroups(name: str) -> None:
    """Remove the (empty) control groups called `name`, in every hierarchy of version 1 or 2."""
    for top in (Path("/sys/fs/cgroup") / name, *Path("/sys/fs/cgroup").glob(f"*/{name}")):
        for folder, _, _ in os.walk(top, topdown=False):
            for _ in range(50):  # the kernel lets go of a killed container's group with a little delay
                try:
                    Path(folder).rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.1)
                else:
                    break


_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


@contextlib.contextmanager
def network_namespace(name: str):
    """Sockets that this thread opens in the block belong to the network namespace `name` (Python 3.12 has os.setns)."""

    def enter(fd: int) -> None:
        if _LIBC.setns(fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}", name)

    with open("/proc/thread-self/ns/net") as back, open(f"/run/netns/{name}") as there:  # noqa: PTH123 - the descriptors count
        enter(there.fileno())
        try:
            yield
        finally:
            enter(back.fileno())
