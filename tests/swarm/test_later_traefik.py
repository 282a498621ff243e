"""A stack file as Traefik 3's documentation writes it, with faststicky's image in the place of Traefik's and its `whoami` as the
application: labels, arguments and cookies are understood as they are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from faststicky.labels.cookies import traefik_default_name

from .client import get, try_get
from .image import IMAGE
from .lab import Lab, leftovers, wait_until

STACK = f"""
services:
  traefik:
    image: {IMAGE}
    command:
      - --providers.swarm.endpoint=unix:///var/run/docker.sock
      - --providers.swarm.exposedbydefault=false
      - --providers.swarm.network=web_front
      - --entrypoints.web.address=:80
      - --entrypoints.web.transport.lifecycle.gracetimeout=5s
      - --api.insecure=true
      - --accesslog=true
    ports:
      - {{target: 80, published: 8080, mode: host}}
      - {{target: 8080, published: 9090, mode: host}}
    volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]
    networks: [front]
    deploy: {{mode: global, endpoint_mode: dnsrr, placement: {{constraints: [node.role == manager]}},
      labels: ["traefik.http.middlewares.auth.basicauth.users=admin:$$apr1$$x"]}}
  whoami:
    image: {IMAGE}
    command: whoami
    networks: [front]
    deploy:
      replicas: 3
      endpoint_mode: dnsrr
      labels:
        - traefik.enable=true
        - traefik.http.routers.whoami.rule=PathPrefix(`/`)
        - traefik.http.routers.whoami.entrypoints=web
        - traefik.http.services.Whoami.loadbalancer.server.port=8000
        - traefik.http.services.Whoami.loadbalancer.sticky.cookie=true
        - traefik.http.services.Whoami.loadbalancer.sticky.cookie.httpOnly=true
  secret:
    image: {IMAGE}
    command: whoami
    networks: [front]
    deploy:
      labels:
        - traefik.enable=true
        - traefik.http.routers.secret.rule=PathPrefix(`/secret`)
        - traefik.http.routers.secret.middlewares=auth@swarm
        - traefik.http.services.secret.loadbalancer.server.port=8000
networks:
  front: {{driver: overlay, attachable: true}}
"""
TASKS = 3
COOKIE = traefik_default_name("Whoami@swarm")


@pytest.fixture(scope="module")
def lab(image_archive: Path, tmp_path_factory: pytest.TempPathFactory):
    """One manager, on which the stack runs and the proxy knows all tasks."""
    with Lab(managers=1, workers=0) as swarm:
        swarm.load(image_archive)
        file = tmp_path_factory.mktemp("stack") / "web.yml"
        file.write_text(STACK)
        swarm.docker("stack", "deploy", "--resolve-image", "never", "-c", str(file), "web")
        wait_until(lambda: len(swarm.tasks("web_whoami")) == TASKS, "the tasks run", 120)
        wait_until(lambda: len(_spread(swarm)) == TASKS, "the proxy sends to all tasks", 120, 0.5)
        # The page opens when every worker serves, so that the first requests may be answered before
        wait_until(
            lambda: (answer := try_get(swarm, 1, 9090, "/ready")) and answer.status == 200, "the page is there", 60
        )
        yield swarm
    assert leftovers(swarm.id) == []


def _spread(lab: Lab) -> set[str]:
    """Bodies of requests without a cookie."""
    answers = [try_get(lab, 1) for _ in range(2 * TASKS)]
    return {answer.body.strip() for answer in answers if answer and answer.status == 200}


def test_users_stay_with_the_cookie_name_that_traefik_gave(lab: Lab):
    first = get(lab, 1)
    cookie = f"{COOKIE}={first.cookies[COOKIE]}"
    answers = [get(lab, 1, cookie=cookie) for _ in range(2 * TASKS)]
    assert {answer.body for answer in answers} == {first.body}
    assert not any("Set-Cookie" in answer.headers for answer in answers)


def test_users_who_come_with_traefiks_cookie_stay_on_their_task(lab: Lab):
    for name in lab.tasks("web_whoami"):
        url = f"http://{lab.overlay_address(name, 'web_front')}:8000"
        for value in (hashlib.sha256(url.encode()).hexdigest()[:16], url):  # from 3.3.4 on; to 2.4
            answer = get(lab, 1, cookie=f"{COOKIE}={value}")
            assert answer.body.strip() == f"I'm {name}"
            assert answer.cookies[COOKIE] != value


def test_what_a_middleware_kept_people_out_of_is_left_out_and_told(lab: Lab):
    """It is defined at the service that was Traefik's."""
    table = json.loads(get(lab, 1, 9090, "/api/table").body)
    assert [(route["name"], route["service"]) for route in table["routes"]] == [("whoami@swarm", "Whoami@swarm")]
    (warning,) = table["warnings"]
    assert (warning["service"], warning["label"]) == ("web_secret", "traefik.http.routers.secret.middlewares")
    assert "basicauth (auth@swarm) is not supported" in warning["text"]
