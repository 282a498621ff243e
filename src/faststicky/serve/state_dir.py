"""The directory where the last table and the cookie key are kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from faststicky.errors import ConfigError

SYSTEM = Path("/var/lib/faststicky")


def state_dir(asked: str = "", environment: Mapping[str, str] = os.environ, system: Path = SYSTEM) -> Path:
    """The directory asked for, else the first of these that can be written to; it exists, for its owner only.

    /var/lib/faststicky; faststicky under $XDG_STATE_HOME or ~/.local/state; a new directory for temporary files, which
    does not survive the machine. Raises ConfigError if the one asked for cannot be used.
    """
    if asked:
        path = Path(asked).absolute()
        if not _usable(path):
            raise ConfigError(
                f"{path} cannot be written to", where="--state-dir", remedy="choose a directory of this user"
            )
        return path
    candidates = [system]
    if environment.get("XDG_STATE_HOME"):
        candidates.append(Path(environment["XDG_STATE_HOME"]) / "faststicky")
    elif environment.get("HOME"):
        candidates.append(Path(environment["HOME"]) / ".local/state/faststicky")
    for path in candidates:
        if path.is_absolute() and _usable(path):
            return path
    return Path(tempfile.mkdtemp(prefix="faststicky-"))


def _usable(path: Path) -> bool:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.R_OK | os.W_OK | os.X_OK)
