"""Lines of a log, as files and `docker service logs` give them: statistics, access lines and warnings are told from the rest."""

from __future__ import annotations

import datetime
import re
from typing import Any, Literal

import msgspec
import orjson

_PREFIX = re.compile(
    r"^(?:\d{4}-\d\d-\d\dT\S+\s+)?"  # --timestamps
    r"(?P<task>[A-Za-z0-9_.-]+)@(?P<node>[^\s|]+)\s*\|\s?"  # docker service logs
    r"|^[A-Za-z0-9_.-]+\s+\|\s"  # docker compose logs
)
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\S+\s+")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """node: where it was written, "" if nobody says. replica: of the proxy, as Docker calls it. time: aware, UTC."""

    kind: Literal["stats", "access", "warning"]
    node: str
    replica: str
    time: datetime.datetime
    fields: dict[str, Any]


class DamagedError(ValueError):
    """A line of ours that cannot be read."""


def read(text: str) -> Line | None:
    """None for lines of other kinds: what the program's log has beside warnings and errors, other programs. Raises DamagedError."""
    node = replica = ""
    if (prefix := _PREFIX.match(text)) is not None:
        node, replica = prefix["node"] or "", prefix["task"] or ""
        text = text[prefix.end() :]
    text = _TIME.sub("", text.strip())
    if not text.startswith("{"):
        return None
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DamagedError(str(error)) from None
    if not isinstance(fields, dict):
        return None
    if fields.get("event") == "stats":
        kind: Literal["stats", "access", "warning"] = "stats"
    elif "event" not in fields and "target" in fields and "status" in fields:
        kind = "access"
    elif "event" in fields and fields.get("level") in ("warning", "error"):
        kind = "warning"
    else:
        return None
    time = moment(fields.get("time"))
    return Line(kind=kind, node=node or str(fields.get("node", "")), replica=replica, time=time, fields=fields)


def moment(value: object) -> datetime.datetime:
    """RFC 3339; without a zone it is UTC. Raises DamagedError."""
    try:
        time = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        raise DamagedError(f"{value!r} is not a time") from None
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
