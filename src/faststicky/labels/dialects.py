"""Which dialect a service's labels are written in, and reading them with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from faststicky.errors import LabelError
from faststicky.labels import interlock, native, traefik1, traefik2
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.labels.traefik import Written
from faststicky.labels.values import LabelReader
from faststicky.model import Warning

_Dialect = Callable[[str, LabelDefaults, LabelReader], Reading | None]


class Explanation(NamedTuple):
    """What `read` gives, and how it came about.

    values: what each label that was looked up stands for (LabelReader.values), other spellings of native labels under
    the documented key (native.labels_of). Labels that are not in it have had no effect.
    """

    reading: Reading | None
    warnings: tuple[Warning, ...]
    values: Mapping[str, object]


def read(
    service: str, labels: Mapping[str, str], defaults: LabelDefaults | None = None
) -> tuple[Reading | None, tuple[Warning, ...]]:
    """What the labels of one service say, and what is wrong with them.

    service: its name in the source. None: it is not to be routed, because nothing says so (no warning), because a label
    says that it is not (no warning) or because a label is wrong in a way that no default mends (a warning says which).
    Native labels win over Traefik's; values of Traefik's cookies are then still accepted under the cookie's name.
    Native labels that are mere additions (native.BESIDE) leave those of other dialects in force.
    """
    found = explain(service, labels, defaults)
    return found.reading, found.warnings


def explain(service: str, labels: Mapping[str, str], defaults: LabelDefaults | None = None) -> Explanation:
    """As `read`, label by label."""
    defaults = defaults or LabelDefaults()
    own, version = native.applies(labels), _version(labels, defaults)
    others = bool(version) or interlock.applies(labels)
    if own and not (others and native.only_beside(labels)):
        reader = LabelReader(service, native.labels_of(labels), fold=True)
        reading = _attempt(native.read, service, defaults, reader)
        if others:
            _warn_of_the_other(version, labels, "faststicky labels", reader)
        if version and reading is not None:
            reading = msgspec.structs.replace(reading, foreign_cookies=version)
        return Explanation(reading, tuple(reader.warnings), reader.values)
    beside = LabelReader(service, native.labels_of(labels), fold=True)
    enabled = native.enabled(beside)
    if enabled is False:
        return Explanation(None, tuple(beside.warnings), beside.values)
    if enabled:
        defaults = msgspec.structs.replace(defaults, exposed_by_default=True)
    if version == "traefik1":
        reader = LabelReader(service, labels)
        reading = _attempt(traefik1.read, service, defaults, reader)
        if reading is not None and traefik2.applies(labels):
            _warn_of_the_other("traefik2", labels, "labels of Traefik 1", reader)
    elif version == "traefik2":
        reader = LabelReader(service, _with_prefix("traefik.", labels), fold=True)
        reading = _attempt(traefik2.read, service, defaults, reader)
    elif others:
        reader = LabelReader(service, _with_prefix(interlock.PREFIX, labels), fold=True)
        reading = _attempt(interlock.read, service, defaults, reader)
    else:
        return Explanation(None, (), {})
    if reading is not None:
        reading = native.read_beside(reading, beside)
    return Explanation(reading, (*reader.warnings, *beside.warnings), {**reader.values, **beside.values})


def _with_prefix(prefix: str, labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key.lower().startswith(prefix)}


def _version(labels: Mapping[str, str], defaults: LabelDefaults) -> Written:
    """Of two kinds of Traefik's labels those of Traefik 1 win where they are complete."""
    if not traefik2.applies(labels):
        return "traefik1" if traefik1.applies(labels) else ""
    return "traefik1" if traefik1.is_complete(labels, defaults) else "traefik2"


def _warn_of_the_other(version: Written, labels: Mapping[str, str], winner: str, reader: LabelReader) -> None:
    applies = {"traefik1": traefik1.applies, "traefik2": traefik2.applies, "": interlock.applies}[version]
    key = next(key for key in sorted(labels) if applies([key]))
    text = f"ignored, since the service has {winner} too, which win; remove one of the two kinds"
    reader.warn(key, labels[key], text)


def _attempt(dialect: _Dialect, service: str, defaults: LabelDefaults, reader: LabelReader) -> Reading | None:
    try:
        return dialect(service, defaults, reader)
    except LabelError:
        return None  # the reader has kept the warning
