from __future__ import annotations

import resource
import subprocess
import sys

from faststicky.serve import limits
from faststicky.serve.limits import RESERVED_FILES, client_connections, raise_open_files, upstream_connections


def test_the_soft_limit_becomes_the_hard_one():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128));"
        "from faststicky.serve.limits import raise_open_files;"
        "print(raise_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["128", "128", "128"]
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_a_limit_that_is_high_enough_stays():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert raise_open_files() == hard
        assert raise_open_files() == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_client_may_need_two_open_files(monkeypatch):
    for soft, clients in ((RESERVED_FILES + 2000, 1000), (64, 16)):
        monkeypatch.setattr(limits.resource, "getrlimit", lambda _what, soft=soft: (soft, soft))
        assert client_connections() == client_connections(clients + 1) == clients
        assert client_connections(clients - 1) == clients - 1


def test_what_clients_do_not_need_is_for_backends(monkeypatch):
    monkeypatch.setattr(limits.resource, "getrlimit", lambda _what: (RESERVED_FILES + 2000,) * 2)
    assert upstream_connections(1000) == 1000
    assert upstream_connections(100) == 1900
    monkeypatch.setattr(limits.resource, "getrlimit", lambda _what: (64, 64))
    assert upstream_connections(16) == 16
