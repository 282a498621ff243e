from __future__ import annotations

import pytest

from faststicky.cli.traefik_reading import Reading, Rule
from faststicky.errors import ConfigError


def test_an_option_a_note_and_a_refusal():
    reading = Reading(1)
    reading.read(Rule(pattern="a", option="--ours", convert=str.upper), "--A", "a", "x")
    reading.read(Rule(pattern="b", option="--not", convert=lambda _: None), "--b", "b", "x")
    ignored = Rule(pattern="c", reason="because", as_it_is="true")
    reading.read(ignored, "--c", "c", "TRUE")
    assert reading.notes == []
    for _ in range(2):
        reading.read(ignored, "--c", "c", "false")
    assert reading.notes == ["--c is ignored: because"]
    with pytest.raises(ConfigError, match="--d: 'x' cannot be honoured; do this"):
        reading.read(Rule(pattern="d", refused="do this"), "--d", "d", "x")
    with pytest.raises(ConfigError, match="--e: invalid literal"):
        reading.read(Rule(pattern="e", option="--e", convert=lambda text: str(int(text))), "--e", "e", "x")
    assert reading.own_arguments() == ["--ours", "X"]


def test_what_was_given_in_our_words_wins():
    reading = Reading(1, frozenset({"--listen", "--admin"}))
    reading.entry_point("http").address = ":81"
    reading.page = True
    assert reading.own_arguments() == []


def test_entry_points_become_addresses():
    reading = Reading(2)
    for name, address in (("web", ":80"), ("other", ":81"), ("Traefik", ":9000"), ("nameless", "")):
        reading.entry_point(name).address = address
    secure = reading.entry_point("websecure")
    secure.address, secure.tls = ":443", True
    dns = reading.entry_point("dns")
    dns.address, dns.udp = ":53", True
    reading.page = True
    assert reading.own_arguments() == ["--listen", ":80", "--listen", ":81", "--admin", ":9000"]
    assert [note.split(" is ")[0] for note in reading.notes] == ["entry point websecure", "entry point dns"]


def test_docker_means_the_swarm():
    reading = Reading(1)
    reading.docker = True
    assert reading.own_arguments() == ["--swarm"]
    assert "not single containers" in reading.notes[0]
    reading = Reading(1)
    reading.docker = reading.swarm_mode = True
    assert (reading.own_arguments(), reading.notes) == (["--swarm"], [])
