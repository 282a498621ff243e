"""Which dialect a service's labels are written in, and reading them with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from faststicky.errors import LabelError
from faststicky.labels import native, traefik1
from faststicky.labels.reading import LabelDefaults, Reading
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
    Native labels that are mere additions (native.BESIDE) leave Traefik's in force.
    """
    found = explain(service, labels, defaults)
    return found.reading, found.warnings


def explain(service: str, labels: Mapping[str, str], defaults: LabelDefaults | None = None) -> Explanation:
    """As `read`, label by label."""
    defaults = defaults or LabelDefaults()
    of_traefik = traefik1.applies(labels)
    own = native.applies(labels)
    if own and not (of_traefik and native.only_beside(labels)):
        reader = LabelReader(service, native.labels_of(labels), fold=True)
        reading = _attempt(native.read, service, defaults, reader)
        if of_traefik:
            key = next(key for key in sorted(labels) if traefik1.applies([key]))
            text = "ignored, since the service has faststicky labels too, which win; remove one of the two kinds"
            reader.warn(key, labels[key], text)
            if reading is not None:
                reading = msgspec.structs.replace(reading, raw_url_cookies=True)
        return Explanation(reading, tuple(reader.warnings), reader.values)
    reader = LabelReader(service, labels)
    if of_traefik:
        reading = _attempt(traefik1.read, service, defaults, reader)
        if not own or reading is None:
            return Explanation(reading, tuple(reader.warnings), reader.values)
        beside = LabelReader(service, native.labels_of(labels), fold=True)
        reading = native.read_beside(reading, beside)
        return Explanation(reading, (*reader.warnings, *beside.warnings), {**reader.values, **beside.values})
    if later := traefik1.of_later_traefik(labels):
        text = "labels of Traefik 2 and 3 are not understood yet; add faststicky.port and faststicky.rule"
        reader.warn_of(later[0], text)
    return Explanation(None, tuple(reader.warnings), reader.values)


def _attempt(dialect: _Dialect, service: str, defaults: LabelDefaults, reader: LabelReader) -> Reading | None:
    try:
        return dialect(service, defaults, reader)
    except LabelError:
        return None  # the reader has kept the warning
