"""`faststicky check` says of a running Swarm what a running proxy says, and said it before of the stack file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .client import get
from .image import IMAGE
from .lab import Lab, leftovers, wait_until

STACK = f"""
version: "3.8"
x-app: &app
  image: {IMAGE}
  command: whoami
  networks: [apps]
x-labels: &labels
  traefik.port: 8000
  traefik.docker.network: shop_apps
services:
  web:
    <<: *app
    deploy:
      endpoint_mode: dnsrr
      replicas: 2
      labels:
        <<: *labels
        traefik.frontend.rule: Host:${{HOST:-web}}.example.com
        traefik.frontend.rul: "Host:$$forgotten"
        traefik.backend.loadbalancer.stickiness: "true"
        traefik.weight: 010
  loose:
    <<: *app
    deploy:
      endpoint_mode: dnsrr
      replicas: 2
      labels: {{<<: *labels, traefik.frontend.rule: "Host:loose.org;PathPrefix:/$NOBODY"}}
  twin:
    <<: *app
    networks: {{apps: {{aliases: [other]}}, back: }}
    labels: [faststicky.weight=2]
    deploy:
      endpoint_mode: dnsrr
      labels:
      - faststicky.port=8000
      - faststicky.rule=Host(`web.example.com`)
      - faststicky.network=apps
      - faststicky.priority=30
  first:
    <<: *app
    deploy:
      endpoint_mode: dnsrr
      mode: global
      labels: {{faststicky.port: 8000, faststicky.rule: Host(`web.example.com`), faststicky.priority: 30}}
  mesh:
    <<: *app
    ports: ["8081:8000"]
    deploy: {{replicas: 0, labels: {{faststicky.port: 8000, faststicky.rule: Path(`/mesh`)}}}}
  apart:
    <<: *app
    networks: [back]
    deploy: {{endpoint_mode: dnsrr, labels: {{faststicky.port: 8000, faststicky.rule: Path(`/apart`)}}}}
  later:
    <<: *app
    deploy:
      endpoint_mode: dnsrr
      labels:
        traefik.http.routers.later.rule: Host(`later`)
        traefik.http.routers.later.middlewares: gone
        traefik.http.services.later.loadbalancer.server.port: 8000
  lock:
    <<: *app
    deploy:
      endpoint_mode: dnsrr
      labels: {{com.docker.lb.port: 8000, com.docker.lb.hosts: lock.org, com.docker.lb.prot: 1.50}}
  proxy:
    image: {IMAGE}
    command: run --swarm --web
    networks: [apps]
    ports: [{{target: 8080, published: 9090, mode: host}}]
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
    deploy: {{endpoint_mode: dnsrr}}
networks:
  apps: {{driver: overlay}}
  back: {{driver: overlay}}
"""
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("FASTSTICKY_", "HOST", "NOBODY"))
}


@pytest.fixture(scope="module")
def lab(image_archive: Path):
    """One manager is enough."""
    with Lab(managers=1, workers=0) as swarm:
        swarm.load(image_archive)
        yield swarm
    assert leftovers(swarm.id) == []


def check(*args: str) -> Any:
    command = [sys.executable, "-m", "faststicky", "check", "--format", "json", *args]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def table(lab: Lab) -> Any:
    return json.loads(get(lab, 1, 9090, "/api/table").body)


def knows_all(lab: Lab) -> bool:
    try:
        backends = json.loads(get(lab, 1, 9090, "/api/backends").body)["backends"]
    except OSError:
        return False
    return sorted(backend["service"] for backend in backends if backend["state"] == "up") == [
        "backend-shop-loose", "backend-shop-loose", "backend-shop-web", "backend-shop-web", "shop_apart", "shop_first",
        "shop_lock", "shop_twin",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def stack(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stack is deployed, and a proxy knows its tasks."""
    file = tmp_path_factory.mktemp("stack") / "shop.yml"
    file.write_text(STACK)
    command = [
        "docker",
        "-H",
        lab.nodes[0].socket,
        "stack",
        "deploy",
        "--resolve-image",
        "never",
        "-c",
        str(file),
        "shop",
    ]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True, timeout=120)
    wait_until(lambda: knows_all(lab), "the proxy knows all tasks", 240, 0.5)
    return file


def of_swarm(lab: Lab) -> Any:
    return check("--docker-endpoint", lab.nodes[0].socket, "--proxy", "shop_proxy")


def test_the_warnings_are_those_of_a_running_proxy(lab: Lab, stack: Path):
    report = wait_until(lambda: same_as_the_proxy(lab), "the same warnings and routes", 90, 1)
    assert {(warning["service"], warning["label"]) for warning in report["warnings"]} == {
        ("shop_web", "traefik.frontend.rul"),
        ("shop_twin", "faststicky.network"), ("shop_twin", "rule"), ("shop_apart", "faststicky.network"),
        ("shop_later", "traefik.http.routers.later.middlewares"), ("shop_lock", "com.docker.lb.prot"),
    }  # fmt: skip


def same_as_the_proxy(lab: Lab) -> Any:
    """What `check` says, if the proxy says the same."""
    report, said = of_swarm(lab), table(lab)
    routes = {(route["name"], route["rule"], route["priority"], route["backend"]) for route in report["routes"]}
    its_routes = {(route["name"], route["rule"], route["priority"], route["service"]) for route in said["routes"]}
    return report if (report["warnings"], routes) == (said["warnings"], its_routes) else None


def test_the_same_from_inside_the_proxys_container(lab: Lab, stack: Path):
    """Its own networks are then known without being told."""
    (container,) = lab.tasks("shop_proxy")
    command = ["docker", "-H", lab.nodes[0].socket, "exec", container, "faststicky", "check", "--format", "json"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    its = of_swarm(lab)
    assert (report["warnings"], report["suspicions"]) == (its["warnings"], its["suspicions"])


def test_the_stack_file_told_it_before(lab: Lab, stack: Path):
    before, now = check(str(stack), "--stack", "shop", "--proxy", "proxy"), of_swarm(lab)
    assert [same_parts(service) for service in before["services"]] == [same_parts(one) for one in now["services"]]
    assert of_labels(before["warnings"]) == of_labels(now["warnings"])
    unset = [warning for warning in before["suspicions"] if "NOBODY is not set" in warning["text"]]
    assert of_labels(unset) == {("shop_loose", "traefik.frontend.rule")}
    assert of_labels(before["suspicions"]) - of_labels(unset) == of_labels(now["suspicions"]) == {
        ("shop_loose", "traefik.backend.loadbalancer.stickiness"), ("shop_mesh", "ports"), ("shop_twin", "labels"),
    }  # fmt: skip
    assert before["notes"] == now["notes"] == []
    cookies = [{route["rule"]: (route["cookie"], route["meaning"]) for route in one["routes"]} for one in (before, now)]
    assert cookies[0] == cookies[1]


def same_parts(service: Any) -> tuple[Any, ...]:
    """What a file tells as well as a Swarm: all but what was noticed while the file was read."""
    labels = [(label["key"], label["value"]) for label in service["labels"]]
    return (labels, *(service[part] for part in ("name", "dialect", "backend", "tasks")))


def of_labels(warnings: list[Any]) -> set[tuple[str, str]]:
    return {(warning["service"], warning["label"]) for warning in warnings}
