from __future__ import annotations

import os

import pytest

from faststicky.serve import cpus


@pytest.fixture
def eight(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))


def cgroup(tmp_path, membership: str, **files: str):
    for name, text in files.items():
        path = tmp_path / "cgroup" / name.replace("__", "/").replace("_max", ".max").replace("cfs", ".cfs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "self").write_text(membership)
    return cpus.usable_cpus(tmp_path / "cgroup", tmp_path / "self")


@pytest.mark.parametrize(("quota", "workers"), [("max", 8), ("150000", 2), ("200000", 2), ("50000", 1), ("9900000", 8)])
def test_quota_of_version_2(tmp_path, eight, quota, workers):
    assert cgroup(tmp_path, "0::/\n", cpu_max=f"{quota} 100000\n") == workers


def test_quota_of_the_own_group(tmp_path, eight):
    assert cgroup(tmp_path, "0::/docker/x\n", docker__x__cpu_max="300000 100000\n") == 3


@pytest.mark.parametrize(("quota", "workers"), [("-1", 8), ("400000", 4)])
def test_quota_of_version_1(tmp_path, eight, quota, workers):
    folder = tmp_path / "cgroup" / "cpu,cpuacct"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup(tmp_path, "4:memory:/a\n3:cpu,cpuacct:/\n") == workers


def test_no_cgroup_at_all(tmp_path, eight):
    assert cpus.usable_cpus(tmp_path, tmp_path / "missing") == 8


def test_this_machine():
    assert 1 <= cpus.usable_cpus() <= len(os.sched_getaffinity(0))
