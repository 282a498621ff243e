"""Fixtures for tests on a real Docker Swarm. They need root and Docker's programs, but no running engine: they start
their own.

Without these the tests are skipped, unless FASTSTICKY_REQUIRE_SWARM=1 says that they must run (CI does).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from . import image
from .lab import Lab, leftovers

PROGRAMS = ("dockerd", "docker", "debootstrap", "ip", "iptables", "nsenter", "unshare", "setpriv")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("swarm")
            item.add_marker(pytest.mark.timeout(900))  # the first run makes a base image


@pytest.fixture(scope="session", autouse=True)
def _needs() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    reason = "root is needed for network namespaces" if os.geteuid() != 0 else ""
    reason = reason or (f"not installed: {', '.join(missing)} (see .ci/run)" if missing else "")
    if reason and os.environ.get("FASTSTICKY_REQUIRE_SWARM") == "1":
        pytest.fail(f"FASTSTICKY_REQUIRE_SWARM=1, but {reason}")
    if reason:
        pytest.skip(f"no Swarm: {reason}")


@pytest.fixture(scope="session")
def image_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image under test, as `docker load` takes it; its name is image.IMAGE."""
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    with image.builder() as daemon:
        image.build(daemon, archive)
    return archive


@pytest.fixture(scope="module")
def lab(image_archive: Path):
    """Two managers and a worker that have the image. A new Swarm for each module."""
    with Lab(managers=2, workers=1) as swarm:
        swarm.load(image_archive)
        yield swarm
    assert leftovers(swarm.id) == []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Show the Swarm's state and logs with a failed test."""
    outcome = yield
    report = outcome.get_result()
    swarm = getattr(item, "funcargs", {}).get("lab")
    if report.failed and call.when in ("setup", "call") and swarm is not None:
        report.sections.append(("Swarm", swarm.report()))
