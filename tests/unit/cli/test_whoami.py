from __future__ import annotations

import signal
import subprocess
import sys

from click.testing import CliRunner

from faststicky.cli import main
from proxy.running import ENVIRONMENT, PATIENCE, faststicky, fetch


def test_help():
    text = CliRunner().invoke(main, ["whoami", "--help"]).output
    for word in ("--port", "--listen", "--name", "/echo", "/slow", "FASTSTICKY_WHOAMI_PORT"):
        assert word in text


def test_it_serves_until_sigterm():
    process = subprocess.Popen(
        [sys.executable, "-m", "faststicky", "whoami", "--listen", "127.0.0.1"],
        stdout=subprocess.PIPE,
        text=True,
        env={**ENVIRONMENT, "FASTSTICKY_WHOAMI_PORT": "0", "FASTSTICKY_WHOAMI_NAME": "ann"},
    )
    with process:
        assert process.stdout is not None
        name, *_, address = process.stdout.readline().split()
        assert name == "ann"
        assert fetch(f"http://{address}/")[1] == "I'm ann\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_wrong_options():
    assert faststicky("whoami", "--port", "70000").returncode == 2
    result = faststicky("whoami", "--listen", "example.com")
    assert result.returncode == 2
    assert "not an IP address" in result.stderr
