from __future__ import annotations

import subprocess
import sys

from faststicky import __version__


def test_the_module_is_the_command():
    result = subprocess.run(
        [sys.executable, "-m", "faststicky", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"faststicky, version {__version__}\n"
    assert result.stderr == ""
