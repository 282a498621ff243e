"""The tutorial that faststicky must make true: the commands of a well-known introduction to sticky sessions with
Traefik 1.7 on Docker Swarm, on two managers and a worker, with faststicky's image in the place of Traefik's and its
`whoami` as the application.

Two things differ from the tutorial, both because the laboratory's kernel may lack IPVS (see lab.py): `--endpoint-mode
dnsrr`, and ports published with `mode=host`. Nothing else does: labels, names, mounts, constraint and the proxy's
command line are the tutorial's.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from .client import Answer, get, try_get
from .image import IMAGE
from .lab import Lab, wait_until

COOKIE = "_a49bc"
LABELS = (
    "traefik.docker.network=whoaminet",
    "traefik.port=8000",
    "traefik.frontend.rule=PathPrefix:/",
    "traefik.backend.loadbalancer.stickiness=true",
)
COMMAND = ("--docker", "--docker.swarmmode", "--docker.watch", "--web", "--loglevel=DEBUG")
MANAGERS = (1, 2)
TASKS = 3


@pytest.fixture(scope="module")
def tutorial(lab: Lab) -> Lab:
    """The tutorial's four commands; then every proxy knows every task."""
    lab.docker("network", "create", "whoaminet", "-d", "overlay")
    lab.docker(
        "service", "create", "-d", "--name", "whoami-service", "--mode", "global", "--network", "whoaminet",
        "--endpoint-mode", "dnsrr", "--publish", "mode=host,published=80,target=8000", IMAGE, "whoami",
    )  # fmt: skip
    added = [word for label in LABELS for word in ("--label-add", label)]
    # Swarm refuses an update ("out of sequence") while it works on the service itself, as it does just after `create`.
    update = ("service", "update", "-d", *added, "whoami-service")
    wait_until(lambda: lab.nodes[0].docker(*update, check=False) is not None, "the labels are set")
    lab.docker(
        "service", "create", "-d", "--name", "traefik",
        "--publish", "mode=host,published=8080,target=80", "--publish", "mode=host,published=9090,target=8080",
        "--mount", "type=bind,source=/var/run/docker.sock,destination=/var/run/docker.sock",
        "--mode=global", "--constraint", "node.role == manager", "--network", "whoaminet", "--endpoint-mode", "dnsrr",
        IMAGE, *COMMAND,
    )  # fmt: skip
    wait_until(lambda: len(lab.tasks("whoami-service")) == TASKS, "a whoami task runs on each node")
    for node in MANAGERS:
        wait_until(
            lambda node=node: len(_spread(lab, node)) == TASKS, f"the proxy on n{node} sends to all tasks", 60, 0.5
        )
    return lab


def _spread(lab: Lab, node: int, requests: int = 2 * TASKS) -> Counter[str]:
    """Bodies of requests without a cookie."""
    answers = [try_get(lab, node) for _ in range(requests)]
    return Counter(answer.body.strip() for answer in answers if answer and answer.status == 200)


def _servers(lab: Lab) -> dict[str, str]:
    """What Traefik would call the tasks, http://IP:8000, to what they answer."""
    names = lab.tasks("whoami-service")
    return {f"http://{lab.overlay_address(name, 'whoaminet')}:8000": f"I'm {name}" for name in names}


def _stuck(lab: Lab, node: int) -> tuple[Answer, str]:
    """A new session's first answer, and its cookie."""
    answer = get(lab, node)
    return answer, f"{COOKIE}={answer.cookies[COOKIE]}"


def test_without_the_proxy_each_node_answers_for_itself(tutorial: Lab):
    bodies = {get(tutorial, node, 80).body.strip() for node in (1, 2, 3)}
    assert bodies == {f"I'm {name}" for name in tutorial.tasks("whoami-service")}


def test_the_first_answer_sets_the_cookie_of_the_tutorial_without_its_address(tutorial: Lab):
    answer, _ = _stuck(tutorial, 1)
    assert answer.status == 200
    assert re.fullmatch(r"I'm [0-9a-f]{12}\n", answer.body)
    (field,) = answer.headers.get_all("Set-Cookie")
    value, *attributes = (part.strip() for part in field.split(";"))
    assert value.startswith(f"{COOKIE}=")
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Lax"}
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|http|:", value)


@pytest.mark.parametrize("node", MANAGERS)
def test_with_the_cookie_a_user_stays_and_without_it_users_are_spread(tutorial: Lab, node: int):
    first, cookie = _stuck(tutorial, node)
    answers = [get(tutorial, node, cookie=cookie) for _ in range(10)]
    assert {answer.body for answer in answers} == {first.body}
    assert all("Set-Cookie" not in answer.headers for answer in answers)
    spread = _spread(tutorial, node, 4 * TASKS)
    assert spread.keys() == set(_servers(tutorial).values())
    assert min(spread.values()) >= 3  # round robin over several workers


def test_a_cookie_of_one_proxy_is_good_at_the_other(tutorial: Lab):
    for _ in range(TASKS):
        first, cookie = _stuck(tutorial, 1)
        other = get(tutorial, 2, cookie=cookie)
        assert other.body == first.body
        assert "Set-Cookie" not in other.headers


def test_the_cookie_that_traefik_wrote_is_honoured_and_replaced(tutorial: Lab):
    servers = _servers(tutorial)
    assert len(servers) == TASKS
    for node in MANAGERS:
        for url, body in servers.items():  # changing the value moves the user
            answer = get(tutorial, node, cookie=f"{COOKIE}={url}")
            assert answer.body.strip() == body
            own = answer.cookies[COOKIE]
            assert own != url
            again = get(tutorial, node, cookie=f"{COOKIE}={own}")
            assert again.body.strip() == body
            assert "Set-Cookie" not in again.headers


def test_a_cookie_that_nobody_wrote_makes_a_new_session(tutorial: Lab):
    answer = get(tutorial, 1, cookie=f"{COOKIE}=http://10.0.0.99:8000")
    assert answer.status == 200
    assert COOKIE in answer.cookies


def test_the_application_sees_the_client_and_its_own_cookies_only(tutorial: Lab):
    _, cookie = _stuck(tutorial, 1)
    seen = json.loads(get(tutorial, 1, path="/echo", cookie=f"mine=1; {cookie}; other=2").body)
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert len(headers) == len(seen["headers"])
    assert headers["cookie"] == "mine=1; other=2"
    assert headers["x-forwarded-for"] == "10.99.0.254"
    assert headers["host"] == "10.99.0.1:8080"


def test_the_debug_log_shows_the_configuration_that_was_found(tutorial: Lab):
    log = wait_until(
        lambda: (text := tutorial.service_logs("traefik")) and COOKIE in text and text, "the log names the cookie"
    )
    for url in _servers(tutorial):
        assert url in log
    for expected in ("backend-whoami-service", "frontend-PathPrefix-0", "PathPrefix:/", COOKIE):
        assert expected in log, expected
    assert re.search("configuration reloaded", log, re.IGNORECASE)
    assert "Traceback" not in log


@pytest.mark.parametrize("node", MANAGERS)
def test_the_web_page_answers_on_9090(tutorial: Lab, node: int):
    answer = get(tutorial, node, 9090)
    assert answer.status == 200
    assert answer.headers.get_content_type() == "text/html"
    assert "faststicky" in answer.body


def test_when_the_service_is_removed_the_proxy_says_so(tutorial: Lab):  # the last one: it takes the application away
    tutorial.docker("service", "rm", "whoami-service")
    for node in MANAGERS:
        wait_until(lambda node=node: get(tutorial, node).status in (404, 503), f"404 or 503 from n{node}")
    assert "Traceback" not in tutorial.service_logs("traefik")
    tutorial.docker("service", "rm", "traefik")
    for node in MANAGERS:
        wait_until(lambda node=node: not tutorial.tasks("traefik"), "the proxies have ended")
