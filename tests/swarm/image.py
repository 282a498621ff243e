"""The image under test: built from the checkout's Dockerfile, on a base that needs no image registry.

The base is made once by debootstrap from Debian's packages, with this machine's CA bundle, so that pip inside `docker
build` reaches its index as it does outside. It is kept, together with the build's layers, in a cache folder outside
the checkout: $FASTSTICKY_TEST_CACHE, by default ~/.cache/faststicky-tests.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .daemon import Daemon, remove_cgroups

ROOT = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
BASE = f"faststicky-test/python:{SUITE}"
IMAGE = "faststicky-test/faststicky:latest"
PACKAGES = "python3,python3-venv,python3-dev,gcc,libc6-dev,ca-certificates"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def cache_folder() -> Path:
    default = Path.home() / ".cache" / "faststicky-tests"
    folder = Path(os.environ.get("FASTSTICKY_TEST_CACHE", default))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def builder() -> Iterator[Daemon]:
    """A Docker engine in the machine's own network, for `docker build --network host` only: it makes no bridge and no
    firewall rule.

    Its data are cached; one run at a time has them.
    """
    folder = cache_folder()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        name = f"fsbuild{os.getpid()}"
        options = ("--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false")
        daemon = Daemon(name, folder / "builder", cgroup=name, options=options)
        try:
            daemon.start()
            daemon.wait_ready()
            yield daemon
        finally:
            daemon.kill()
            remove_cgroups(name)


def build(daemon: Daemon, archive: Path) -> None:
    """Build the image and save it to `archive` (for `docker load`)."""
    _ensure_base(daemon)
    command = ("build", "-q", "--network", "host", "--build-arg", f"BASE_IMAGE={BASE}")
    # The first stage gets a name, too, so that `prune` leaves its layers for the next run.
    daemon.docker(*command, "--target", "build", "-t", f"{IMAGE}-build", str(ROOT), seconds=900)
    daemon.docker(*command, "-t", IMAGE, str(ROOT), seconds=900)
    daemon.docker("save", "-o", str(archive), IMAGE)
    daemon.docker("image", "prune", "-f")  # what earlier runs called so


def _ensure_base(daemon: Daemon) -> None:
    if daemon.docker("image", "inspect", BASE, check=False, quiet=True):
        return
    with tempfile.TemporaryDirectory(prefix="fsbase") as name:
        root = Path(name) / "root"
        with (cache_folder() / "debootstrap.log").open("w") as log:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True,
            )  # fmt: skip
        if CA_BUNDLE.exists():
            shutil.copy(CA_BUNDLE, root / CA_BUNDLE.relative_to("/"))
        for waste in (
            "var/cache/apt/archives",
            "var/lib/apt/lists",
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
        ):
            shutil.rmtree(root / waste, ignore_errors=True)
        tar = Path(name) / "root.tar"
        subprocess.run(["tar", "-C", str(root), "-cf", str(tar), "."], check=True)
        daemon.docker("import", "--change", f"ENV PIP_CERT={CA_BUNDLE}", str(tar), BASE)
