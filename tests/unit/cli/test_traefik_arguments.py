from __future__ import annotations

import pytest

from faststicky.cli.run import run
from faststicky.cli.sections import own_options
from faststicky.cli.traefik_arguments import translate
from faststicky.errors import ConfigError

OWN = own_options(run.params)

TRANSLATED = [
    # the tutorial
    ("--docker --docker.swarmmode --docker.watch --web --loglevel=DEBUG", "--web --log-level debug --swarm"),
    # Traefik 1.7
    ("--docker.swarmMode=true --docker.endpoint=tcp://10.0.0.1:2375", "--docker-endpoint tcp://10.0.0.1:2375 --swarm"),
    ("--docker.swarmmode --docker.network=net --docker.domain=a.b", "--network net --domain a.b --swarm"),
    ("--docker.swarmmode --docker.exposedbydefault=false", "--no-exposed-by-default --swarm"),
    ("--docker.swarmmode --docker.exposedbydefault=true", "--exposed-by-default --swarm"),
    ("--docker=false", ""),
    ("--entryPoints=Name:http|Address::8000", "--listen :8000"),
    ("--entrypoints Name:http|Address::8000 --entryPoints=Name:b|Address::1", "--listen :8000 --listen :1"),
    ("--entryPoints=Name:traefik|Address::9000 --api", "--admin :9000"),
    ("--entryPoints=Name:h|Address::1|ForwardedHeaders.TrustedIPs:10.0.0.1", "--trusted-proxies 10.0.0.1 --listen :1"),
    ("--api", "--web"),
    ("--ping", "--web"),
    ("--api=false", ""),
    ("--web.address=127.0.0.1:81", "--admin 127.0.0.1:81"),
    ("--debug", "--log-level debug"),
    ("-l ERROR", "--log-level error"),
    ("--respondingTimeouts.idleTimeout=30s", "--keepalive-timeout 30s"),
    ("--respondingtimeouts.readtimeout=5", "--head-timeout 5s"),
    ("--respondingTimeouts.writeTimeout=1m", "--write-timeout 1m"),
    ("--forwardingTimeouts.dialTimeout=3s", "--connect-timeout 3s"),
    ("--forwardingTimeouts.responseHeaderTimeout=1m", "--response-timeout 1m"),
    ("--lifeCycle.graceTimeOut=25s", "--grace 25s"),
    ("--maxIdleConnsPerHost=64 --retry.attempts=4", "--pool-size 64 --retries 3"),
    # Traefik 2 and 3
    ("--providers.docker=true --providers.docker.swarmMode=true", "--swarm --traefik-provider docker"),
    ("--providers.swarm --providers.swarm.defaultRule=Host(`{{|normalize|.Name|}}.a.org`)", "--domain a.org --swarm"),
    ("--providers.swarm --providers.swarm.defaultRule=Host(`{{.Name}}`)", "--swarm"),
    ("--providers.swarm.endpoint=unix:///x.sock", "--docker-endpoint unix:///x.sock --swarm"),
    ("--providers.swarm --providers.swarm.network=net", "--network net --swarm"),
    ("--entrypoints.web.address=:8000/tcp", "--listen :8000"),
    ("--entryPoints.Web.Address=:8000 --api.insecure", "--listen :8000 --web"),
    ("--entrypoints.web.address=:80 --entrypoints.traefik.address=:8888", "--listen :80 --admin :8888"),
    ("--entrypoints.web.forwardedHeaders.insecure", "--trusted-proxies 0.0.0.0/0 --trusted-proxies ::/0"),
    ("--entrypoints.web.forwardedHeaders.trustedIPs=::2,::3", "--trusted-proxies ::2 --trusted-proxies ::3"),
    ("--entrypoints.a.transport.respondingTimeouts.idleTimeout=180", "--keepalive-timeout 3m"),
    (
        "--entrypoints.a.transport.lifeCycle.graceTimeOut=5s --entrypoints.b.transport.lifeCycle.graceTimeOut=9s",
        "--grace 9s",
    ),
    ("--serversTransport.forwardingTimeouts.idleConnTimeout=30s", "--pool-idle 30s"),
    ("--log.level=INFO --log.format=json", "--log-level info --log-format json"),
    # beside our own
    ("--listen :81 --docker.swarmmode --no-forwarded", "--listen :81 --no-forwarded --swarm"),
    ("--log-level=info --loglevel=DEBUG", "--log-level=info"),
    ("--admin :1 --api", "--admin :1"),
    ("--backend http://a:1 -- --docker", "--backend http://a:1 -- --docker"),
    ("", ""),
]  # fmt: skip


def words(text: str) -> list[str]:
    """A bar stands for a space inside a word."""
    return [word.replace("|", " ") for word in text.split()]


@pytest.mark.parametrize(("given", "ours"), TRANSLATED, ids=[given for given, _ in TRANSLATED])
def test_translated(given, ours):
    assert list(translate(words(given), OWN).args) == ours.split()


@pytest.mark.parametrize(("given", "ours"), TRANSLATED, ids=[given for given, _ in TRANSLATED])
def test_every_translation_is_a_command_line_of_ours(given, ours):
    context = run.make_context("run", words(ours.partition(" -- ")[0]))
    assert context.params


IGNORED = [
    ("--docker --docker.swarmmode --docker.swarmModeRefreshSeconds=5", "within a second"),
    ("--providers.swarm.refreshSeconds=5s", "within a second"),
    ("--docker.swarmmode --docker.watch=false", "always watched"),
    ("--docker", "not single containers"),
    ("--accessLog.bufferingSize=10", "no such setting"),
    ("--metrics.prometheus=true", "/api/stats"),
    ("--certificatesresolvers.le.acme.email=a@b.c", "does not terminate TLS"),
    ("--entryPoints=Name:https|Address::443|TLS", "does not terminate TLS"),
    ("--entrypoints.s.address=:443 --entrypoints.s.http.tls.certresolver=le", "does not terminate TLS"),
    ("--entrypoints.web.http.redirections.entrypoint.to=websecure", "does not redirect"),
    ("--entryPoints=Name:http|Address::80|Redirect.EntryPoint:https", "redirect.entrypoint of entry point http"),
    ("--lifeCycle.requestAcceptGraceTimeout=10", "at once"),
    ("--file --file.directory=/etc/traefik", "--config"),
    ("--providers.file.filename=/a", "--config"),
    ("--configFile=/etc/traefik.toml", "is not read"),
    ("--api --providers.swarm", "stays on 127.0.0.1:8080"),
    ("--sendAnonymousUsage=false", "nothing is reported"),
    ("--defaultEntryPoints=http,https", "every address"),
    ("--retry=false", "--retries"),
    ("--providers.swarm.defaultRule=Host(`{{.ContainerName}}`)", "give such services a rule of their own"),
    ("--providers.swarm.defaultRule=Host(`{{.Name}}.a.org`)", "stack-web"),
]


@pytest.mark.parametrize(("given", "reason"), IGNORED, ids=[given for given, _ in IGNORED])
def test_what_is_ignored_is_said_with_a_reason(given, reason):
    notes = translate(words(given), OWN).notes
    assert any(reason in note for note in notes), notes


def test_each_note_comes_once():
    notes = translate(["--metrics=true", "--metrics=true"], OWN).notes
    assert len(notes) == 1


def test_what_needs_no_note_has_none():
    for given, _ in TRANSLATED[:1]:
        assert translate(words(given), OWN).notes == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--dcoker", "--dcoker is an option of neither faststicky nor Traefik; did you mean --docker?"),
        ("--docker.swarmMod", "did you mean --docker.swarmmode?"),
        ("--lisen :80", "did you mean --listen?"),
        ("--entirelyelse", "faststicky run --help lists the options"),
        ("--docker.constraints=tag==public", "--no-exposed-by-default"),
        ("--constraints=tag==public", "--no-exposed-by-default"),
        ("--providers.swarm.constraints=Label(`a`,`b`)", "--no-exposed-by-default"),
        ("--entrypoints.web.http.middlewares=auth@file", "leave it out"),
        ("--entryPoints=Name:http|Address::80|Auth.Basic.Users:a:b", "restricts access"),
        ("--entryPoints=http", "names no entry point"),
        ("--docker=perhaps", "neither true nor false"),
        ("--loglevel=loud", "not a log level"),
        ("--lifeCycle.graceTimeOut=soon", "not a duration"),
        ("--respondingTimeouts.idleTimeout", "not a duration"),
    ],
)
def test_errors(given, message):
    with pytest.raises(ConfigError) as caught:
        translate(words(given), OWN)
    assert message in str(caught.value)
