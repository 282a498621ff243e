"""The published configuration files in conf/, filled in.

@PORT@, @WORKERS@, @DIR@ are replaced. A line with @BACKEND@, @HOST@, @BACKEND_PORT@ or @N@ is repeated for every
backend. Lines that begin with @LOG@ are there when access lines are written, those with @NOLOG@ when they are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

CONF = Path(__file__).parent / "conf"
_EACH = re.compile(r"@(BACKEND|HOST|BACKEND_PORT|N)@")


def fill(name: str, values: dict[str, str], backends: Sequence[str], *, log: bool) -> str:
    """The file's text. backends: HOST:PORT."""
    return "\n".join(_lines((CONF / name).read_text(), values, backends, log)) + "\n"


def _lines(text: str, values: dict[str, str], backends: Sequence[str], log: bool) -> Iterator[str]:
    for given in text.splitlines():
        line = given
        if line.startswith(("@LOG@", "@NOLOG@")):
            if line.startswith("@LOG@") != log:
                continue
            line = line.partition("@")[2].partition("@")[2]
        for key, value in values.items():
            line = line.replace(f"@{key}@", value)
        if not _EACH.search(line):
            yield line
            continue
        for number, backend in enumerate(backends, 1):
            host, _, port = backend.partition(":")
            one = {"BACKEND": backend, "HOST": host, "BACKEND_PORT": port, "N": str(number)}
            yield _EACH.sub(lambda match, one=one: one[match[1]], line)
