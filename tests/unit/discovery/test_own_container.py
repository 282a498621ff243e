"""Which networks the proxy itself is on."""

from __future__ import annotations

import pytest

from faststicky.discovery import own_container
from faststicky.discovery.own_container import OwnNetworks, container_ids, own_service
from faststicky.discovery.swarm_shapes import Container, ContainerConfig, Task
from unit.discovery import engine

ID = "0123456789ab" + "c" * 52
MOUNT = f"612 594 0:55 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
ON_HOST = f"90 30 0:48 / /var/lib/docker/containers/{ID}/mounts/shm rw,nosuid - tmpfs shm rw\n"


def proc(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("files", "hostname", "found"),
    [
        ({"mountinfo": MOUNT}, "web-1", [ID]),
        ({"mountinfo": MOUNT}, ID[:12], [ID]),
        ({"cgroup": f"12:pids:/docker/{ID}\n"}, "web-1", [ID]),
        ({"cgroup": f"0::/system.slice/docker-{ID}.scope\n"}, "web-1", [ID]),
        ({"cgroup": "0::/\n"}, ID[:12], [ID[:12]]),
        ({"cgroup": "0::/init.scope\n", "mountinfo": "1 1 0:1 / / rw - ext4 /dev/sda1 rw\n"}, "node1", []),
        ({"mountinfo": ON_HOST, "cgroup": "0::/system.slice/faststicky.service\n"}, "node1", []),
        ({}, "deadbeef", []),
    ],
)
def test_container_ids(tmp_path, files, hostname, found):
    assert container_ids(proc(tmp_path, **files), hostname) == found


def task(container):
    return engine.decoded(engine.task("proxy", 0, ("app", "10.0.1.9/24"), container=container), Task)


def nobody(ident):
    raise AssertionError(f"asked for {ident}")


def test_a_swarm_task_is_found_in_the_list():
    assert OwnNetworks([ID[:12]], nobody).find([task("f" * 64), task(ID)]) == {"net-app"}


def test_outside_of_containers_nobody_is_asked():
    assert OwnNetworks([], nobody).find([task(ID)]) is None


def test_a_container_is_inspected_once_and_again_when_nothing_is_shared(monkeypatch):
    asked = []

    def inspect(ident):
        asked.append(ident)
        names = {"a": {"NetworkID": "net-a"}, "none": {"NetworkID": ""}}
        return engine.decoded({"Id": ID, "NetworkSettings": {"Networks": names}}, Container)

    own = OwnNetworks([ID], inspect)
    assert own.find([]) == {"net-a"}
    assert own.find([]) == {"net-a"}
    own.not_shared()
    own.find([])
    assert asked == [ID]  # not more often than ASK_AGAIN
    monkeypatch.setattr(own_container, "ASK_AGAIN", -1.0)
    own.not_shared()
    own.find([])
    assert asked == [ID, ID]


def test_a_container_of_another_engine_is_none():
    own = OwnNetworks([ID], lambda _: None)
    assert own.find([task("f" * 64)]) is None


def test_the_service_that_this_is_a_task_of():
    def container(labels):
        return Container(id="a", config=ContainerConfig(labels=labels))

    found = {"b": container({"com.docker.swarm.service.name": "proxy"}), "c": container(None)}
    assert own_service(["a", "b"], found.get) == "proxy"
    assert own_service(["c"], found.get) == ""
    assert own_service(["a"], found.get) == ""
