"""`faststicky check` as it is called."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from click.testing import CliRunner

from faststicky.check.report import Report
from faststicky.cli import main
from unit.discovery import engine as fake

GOOD = """
services:
  web:
    image: app
    networks: [apps]
    deploy:
      replicas: 4
      labels:
        traefik.port: "8000"
        traefik.frontend.rule: PathPrefix:/
        traefik.docker.network: shop_apps
        traefik.backend.loadbalancer.stickiness: "true"
  proxy: {image: faststicky, networks: [apps]}
networks: {apps: }
"""
BAD = GOOD.replace("traefik.port", "traefik.prot")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("good.yml").write_text(GOOD)
    Path("bad.yml").write_text(BAD)


def run(*args: str, text: str = "", **environment: str):
    return CliRunner().invoke(main, ["check", *args], input=text, env=environment)


def test_a_good_stack():
    result = run("good.yml", "--stack", "shop", "--proxy", "proxy")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 service, 1 route, no warnings" in result.stdout
    assert "requests go to port 8000" in result.stdout
    assert "suspicious" not in result.stdout
    assert "note:" not in result.stdout


def test_a_wrong_label():
    result = run("bad.yml", "--stack", "shop")
    assert result.exit_code == 1
    assert "did you mean traefik.port?" in " ".join(result.stdout.split())
    assert "not routed" in result.stdout


def test_standard_input_and_several_files():
    Path("more.yml").write_text("services: {web: {deploy: {labels: {traefik.port: '8001'}}}}")
    result = run("-", "more.yml", "--stack", "shop", text=GOOD)
    assert result.exit_code == 0
    assert "stack file standard input, more.yml" in result.stdout
    assert "port 8001" in result.stdout


def test_variables_come_from_the_environment():
    text = GOOD.replace('"8000"', "$PORT")
    assert "port 8002" in run("-", text=text, PORT="8002").stdout
    result = run("-", "--stack", "shop", text=text)
    assert (result.exit_code, "variable PORT is not set" in " ".join(result.stdout.split())) == (1, True)


def test_json():
    result = run("bad.yml", "--stack", "shop", "--format", "json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report.keys() == set(Report.__struct_fields__)
    assert [warning["label"] for warning in report["warnings"]] == ["traefik.prot", "traefik.port"]
    verdicts = {label["key"]: label["verdict"] for label in report["services"][0]["labels"]}
    assert verdicts["traefik.prot"] == "suspicious"
    assert verdicts["traefik.frontend.rule"] == "ignored"


def test_the_options_of_run_count():
    text = GOOD.replace("        traefik.docker.network: shop_apps\n", "")
    assert run("-", "--stack", "shop", "--network", "shop_apps", text=text).exit_code == 0
    assert run("-", "--stack", "shop", "--network", "other", text=text).exit_code == 1
    assert run("-", "--stack", "shop", text=text, FASTSTICKY_NETWORK="other").exit_code == 1
    assert run("-", "--stack", "shop", "--no-exposed-by-default", text=text).exit_code == 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["none.yml"], "none.yml: No such file or directory; give a stack file"),
        (["."], ".: Is a directory; "),
        (["broken.yml"], "broken.yml, line 3: not readable as YAML"),
        (["latin.yml"], "latin.yml: not UTF-8 at byte 2"),
        (["empty.yml"], "empty.yml: not a stack file"),
        (["good.yml", "--proxy", "nobody"], "--proxy: there is no service nobody; name one of"),
        (["good.yml", "--docker-endpoint", "unix:///x"], "--docker-endpoint: has no effect with a stack file; leave"),
        (["--stack", "shop"], "--stack: has no effect without a stack file; name a stack file"),
        (
            ["--docker-endpoint", "unix:///nowhere/docker.sock"],
            "unix:///nowhere/docker.sock: no usable answer to /info",
        ),
        (["--docker-endpoint", "unix:///nowhere/docker.sock"], "; or name a stack file\n"),
        (["--format", "yaml"], "Invalid value for '--format'"),
    ],
)
def test_what_cannot_be_read(args, says):
    Path("broken.yml").write_text("services:\n  web:\n  - a: [ }\n")
    Path("latin.yml").write_bytes(b"a:\xe4")
    Path("empty.yml").write_text("")
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_environment_variables_for_run_are_no_mistake():
    environment = {"FASTSTICKY_DOCKER_ENDPOINT": "unix:///x"}
    assert run("good.yml", "--stack", "shop", **environment).exit_code == 0


@pytest.fixture
def engine(tmp_path):
    with fake.running_engine(tmp_path / "d.sock") as engine:
        yield engine


def test_a_swarm(engine):
    labels = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}
    engine.services = [fake.service("web", labels)]
    engine.tasks = [fake.task("web", n, ("app", f"10.0.0.{n}/24")) for n in (1, 2, 3)]
    result = run("--docker-endpoint", engine.endpoint)
    assert result.exit_code == 0
    assert f"swarm {engine.endpoint}" in result.stdout
    engine.services = [fake.service("web", {**labels, "faststicky.weigth": "2"})]
    result = run(FASTSTICKY_DOCKER_ENDPOINT=engine.endpoint)
    assert result.exit_code == 1
    assert "did you mean faststicky.weight?" in result.stdout


def test_as_a_program_in_a_pipe():
    command = [sys.executable, "-m", "faststicky", "check", "-", "--stack", "shop"]
    done = subprocess.run(command, input=BAD, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 120
    assert lines == [line.rstrip() for line in lines]


def test_on_a_terminal_of_80_columns():
    command = [sys.executable, "-m", "faststicky", "check", "good.yml", "--stack", "shop"]
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env={**environment, "TERM": "xterm"}
    )
    os.close(follower)
    text = b""
    try:
        while chunk := os.read(leader, 4096):
            text += chunk
    except OSError:
        pass  # so a terminal tells that nobody writes to it any more
    finally:
        os.close(leader)
    assert process.wait(60) == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text.decode())
    assert "\x1b[32munderstood" in text.decode()
    assert max(map(len, plain.splitlines())) <= 80
