"""`--ready-file`: tells a script or a test when clients are served and where, also for ports that the kernel chose."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import orjson

from faststicky.errors import ConfigError


class ReadyFile:
    """There while the proxy accepts connections: {"pid": 1, "listen": ["0.0.0.0:80"], "admin": "127.0.0.1:8080"}."""

    def __init__(self, path: str) -> None:
        """path: "" for no file. Raises ConfigError if its directory is missing; an old file there is removed."""
        self._path = Path(path) if path else None
        if self._path is not None and not self._path.parent.is_dir():
            remedy = "create it, or choose another path"
            raise ConfigError(f"directory {self._path.parent} does not exist", where="--ready-file", remedy=remedy)
        self.remove()

    def write(self, listen: Sequence[str], admin: str, feed: str = "") -> None:
        """At once and whole: who sees the file can read it. admin, feed: "" if there is none."""
        if self._path is not None:
            content = {"pid": os.getpid(), "listen": list(listen), "admin": admin, "feed": feed}
            new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
            new.write_bytes(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
            new.replace(self._path)

    def remove(self) -> None:
        """Nothing happens if it is not there."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
