"""Stack files, as docker stack deploy reads them."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from faststicky.check.stack_file import read
from faststicky.errors import ConfigError


def stack(*texts: str, name: str = "shop", **environment: str):
    return read([(f"{at}.yml", text) for at, text in enumerate(texts)], name, environment)


def service(text: str, **more: str):
    """The only service, from what stands below its name."""
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    (found,) = stack(f"services:\n  web:\n    image: app\n{indented}", **more)
    return found


@pytest.mark.parametrize(
    "text",
    [
        "deploy:\n  labels:\n    faststicky.port: 8000\n    faststicky.rule: PathPrefix(`/`)\n    a.b:",
        "deploy:\n  labels:\n  - faststicky.port=8000\n  - faststicky.rule=PathPrefix(`/`)\n  - a.b",
    ],
)
def test_labels_as_a_mapping_or_a_list(text):
    found = service(text)
    assert found.name == "shop_web"
    assert found.labels == {"faststicky.port": "8000", "faststicky.rule": "PathPrefix(`/`)", "a.b": ""}
    assert (found.container_labels, found.remarks) == ({}, ())


def test_labels_of_containers_are_kept_apart():
    found = service("labels: [traefik.port=80]\ndeploy: {labels: {traefik.port: 81}}")
    assert (found.labels, found.container_labels) == ({"traefik.port": "81"}, {"traefik.port": "80"})


def test_anchors_and_merge_keys():
    text = """
x-deploy: &deploy
  replicas: 4
  labels: &labels {traefik.port: 80, traefik.weight: 2}
services:
  a: {image: a, deploy: *deploy}
  b:
    image: b
    deploy:
      <<: *deploy
      labels: {<<: *labels, traefik.weight: 3}
"""
    a, b = stack(text)
    assert (a.labels, a.tasks) == ({"traefik.port": "80", "traefik.weight": "2"}, 4)
    assert (b.labels, b.tasks) == ({"traefik.port": "80", "traefik.weight": "3"}, 4)


def test_variables_and_those_that_are_not_set():
    found = service(
        'deploy:\n  labels: {faststicky.port: "${PORT:-80}", faststicky.rule: "Host(`$HOST`)", price: "1$$", b: "$NO"}',
        HOST="a.org",
    )
    assert found.labels == {"faststicky.port": "80", "faststicky.rule": "Host(`a.org`)", "price": "1$", "b": ""}
    (remark,) = found.remarks
    assert (remark.service, remark.label, remark.value) == ("shop_web", "b", "")
    assert "variable NO is not set" in remark.text


def test_truth_values_that_docker_refuses():
    (remark,) = service("deploy: {labels: {faststicky.sticky: true, faststicky.drain: on}}").remarks
    assert (remark.label, remark.value) == ("faststicky.sticky", "true")
    assert 'write "true" in quotes' in remark.text


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("", 1),
        ("deploy:", 1),
        ("deploy: {replicas: 3}", 3),
        ('deploy: {replicas: "${N}"}', 5),
        ("deploy: {mode: replicated}", 1),
        ("deploy: {mode: global}", None),
    ],
)
def test_tasks(text, tasks):
    assert service(text, N="5").tasks == tasks


@pytest.mark.parametrize(
    ("port", "published"),
    [
        ("80", [(0, 80)]),
        ("'80'", [(0, 80)]),
        ("'8080:80'", [(8080, 80)]),
        ("8080:80", [(8080, 80)]),
        ("'127.0.0.1:8080:80/tcp'", [(8080, 80)]),
        ("'[::1]:8080:80'", [(8080, 80)]),
        ("'80/udp'", []),
        ("3000-3002", [(0, 3000), (0, 3001), (0, 3002)]),
        ("'3000-3001:4000-4001'", [(3000, 4000), (3001, 4001)]),
        ("'3000-3001:80'", [(3000, 80), (3001, 80)]),
        ("'$PORT:80'", [(8081, 80)]),
        ("{target: 80, published: 8080}", [(8080, 80)]),
        ("{target: 80}", [(0, 80)]),
        ("{target: 80, published: 8080, mode: host}", []),
        ("{target: 80, protocol: udp}", []),
    ],
)
def test_ports_of_the_routing_mesh(port, published):
    """As `docker stack config` of Docker 28.2 writes them out."""
    assert list(service(f"ports:\n  - {port}", PORT="8081").ingress_ports) == published


NETWORKS = """
services:
  plain: {image: a}
  many: {image: a, networks: [own, named, outer, old, other]}
  mapped: {image: a, networks: {own: {aliases: [x]}, named: }}
networks:
  own:
  named: {name: edge}
  outer: {external: true}
  old: {external: {name: ancient}}
  other: {external: true, name: "$NET"}
"""


def test_networks_have_the_stacks_prefix():
    many, mapped, plain = stack(NETWORKS, NET="wide")
    assert many.networks == ("shop_own", "edge", "outer", "ancient", "wide")
    assert mapped.networks == ("shop_own", "edge")
    assert plain.networks == ("shop_default",)


def test_a_stack_without_a_name():
    many, mapped, plain = stack(NETWORKS, name="", NET="wide")
    assert [one.name for one in (many, mapped, plain)] == ["many", "mapped", "plain"]
    assert (many.networks[0], plain.networks) == ("STACK_own", ("STACK_default",))
    assert plain.is_on("shop_default")


def test_several_files_are_one_stack():
    base = """
services:
  web:
    image: a
    networks: [front]
    ports: ["8080:80"]
    deploy: {replicas: 2, labels: {traefik.port: "80", traefik.frontend.rule: "Host:$HOST"}}
networks: {front: }
"""
    more = """
services:
  web: {networks: [back], deploy: {labels: [traefik.frontend.rule=Host:b.org], mode: global}}
  api: {image: b}
networks: {back: , front: {name: wide}}
"""
    api, web = stack(base, more)
    assert web.labels == {"traefik.port": "80", "traefik.frontend.rule": "Host:b.org"}
    assert (web.networks, web.tasks, web.ingress_ports) == (("wide", "shop_back"), None, ((8080, 80),))
    assert web.remarks == ()  # what was not set is put over
    assert api.name == "shop_api"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0.yml: not a stack file: its content is no mapping; give a stack file"),
        ("- a", "no mapping"),
        ("web: {image: a}", "it has no mapping `services`"),
        ("services: [web]", "it has no mapping `services`"),
        ("services:\n  web:\n", "0.yml, line 2: service web is empty"),
        ("services:\n  web: app\n", "line 2: web is no mapping"),
        ("services:\n  web:\n    deploy: 3\n", "line 3: deploy is no mapping"),
        ("services:\n  web:\n    deploy:\n      labels: a=b\n", "line 4: labels are no mapping"),
        ("services:\n  web:\n    deploy:\n      labels: [{a: b}]\n", "line 4: .*KEY=VALUE"),
        ("services:\n  web:\n    deploy:\n      labels:\n        a: [b]\n", "line 4: .*KEY: VALUE"),
        (
            "services:\n  web:\n    deploy:\n      labels:\n        a: b\n        c: 5$\n",
            r"line 6: c has a \$ .*write \$\$",
        ),
        ("services:\n  web:\n    deploy:\n      labels:\n        a: ${B:?no}\n", "line 5: a has variable B has to be"),
        ("services:\n  web:\n    deploy:\n      replicas: many\n", "line 4: 'many' is no number of tasks"),
        ("services:\n  web:\n    deploy:\n      mode: [a]\n", "line 4: mode is no text"),
        ("services:\n  web:\n    ports: 80\n", "line 3: ports is no list"),
        ("services:\n  web:\n    ports: [x]\n", "line 3: 'x' is no port"),
        ("services:\n  web:\n    ports: ['70000:80']\n", "line 3: 70000:80 are no ports"),
        ("services:\n  web:\n    ports: ['1-2:1-3']\n", "line 3: .*as many on both sides"),
        ("services:\n  web:\n    ports: [{published: 1}]\n", "line 3: 1:0 are no ports"),
        ("services:\n  web:\n    networks: a\n", "line 3: networks is no list"),
        ("services: {}\nnetworks:\n  a: b\n", "line 3: a is no mapping"),
    ],
)
def test_what_is_no_stack(text, says):
    with pytest.raises(ConfigError, match=says):
        stack(text)


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 70000), st.text("a$={}:-80 ", max_size=8), st.just("80:80")
)
_ANYTHING = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3)
)
_PARTS = st.fixed_dictionaries(
    {},
    optional={
        "labels": _ANYTHING, "networks": _ANYTHING, "ports": _ANYTHING,
        "deploy": st.one_of(_ANYTHING, st.fixed_dictionaries({"labels": _ANYTHING, "replicas": _ANYTHING, "mode": _ANYTHING})),
    },
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["web", "api"]), st.one_of(_PARTS, _ANYTHING), max_size=2), _ANYTHING)
def test_whatever_a_file_says_it_is_read_or_refused(services, networks):
    text = yaml.safe_dump({"services": services, "networks": networks})
    found = outcome(text)
    if isinstance(found, ConfigError):
        assert found.where.startswith("0.yml")
        assert found.remedy
        return
    assert [one.name for one in found] == sorted(f"shop_{name}" for name in services)
    assert all(isinstance(value, str) for one in found for value in one.labels.values())


def outcome(text: str):
    try:
        return stack(text)
    except ConfigError as error:
        return error


@given(st.text(max_size=60))
def test_whatever_is_no_stack_is_refused(text):
    with pytest.raises(ConfigError):
        stack(text)
