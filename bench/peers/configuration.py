"""The published configuration files in conf/, filled in.

@PORT@, @WORKERS@, @DIR@ are replaced. A line with @BACKEND@, @HOST@, @BACKEND_PORT@ or @N@ is repeated for every
backend. Lines that begin with @LOG@ are there when access lines are written, those with @NOLOG@ when they are not; those
with @FIELDS@ when every proxy is to tell backends as much as faststicky does by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

CONF = Path(__file__).parent / "conf"
_IF = re.compile(r"@(LOG|NOLOG|FIELDS)@")
_EACH = re.compile(r"@(BACKEND|HOST|BACKEND_PORT|N)@")


def fill(name: str, values: dict[str, str], backends: Sequence[str], *, log: bool, fields: bool) -> str:
    """The file's text. backends: HOST:PORT."""
    wanted = {"LOG": log, "NOLOG": not log, "FIELDS": fields}
    return "\n".join(_lines((CONF / name).read_text(), values, backends, wanted)) + "\n"


def _lines(text: str, values: dict[str, str], backends: Sequence[str], wanted: dict[str, bool]) -> Iterator[str]:
    for given in text.splitlines():
        line = given
        if condition := _IF.match(line):
            if not wanted[condition[1]]:
                continue
            line = line[condition.end() :]
        for key, value in values.items():
            line = line.replace(f"@{key}@", value)
        if not _EACH.search(line):
            yield line
            continue
        for number, backend in enumerate(backends, 1):
            host, _, port = backend.partition(":")
            one = {"BACKEND": backend, "HOST": host, "BACKEND_PORT": port, "N": str(number)}
            yield _EACH.sub(lambda match, one=one: one[match[1]], line)
