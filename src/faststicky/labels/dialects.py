"""Which dialect a service's labels are written in, and reading them with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from faststicky.errors import LabelError
from faststicky.labels import native, traefik1
from faststicky.labels.reading import LabelDefaults, Reading
from faststicky.labels.values import LabelReader
from faststicky.model import Warning

_Dialect = Callable[[str, LabelDefaults, LabelReader], Reading | None]


def read(
    service: str, labels: Mapping[str, str], defaults: LabelDefaults | None = None
) -> tuple[Reading | None, tuple[Warning, ...]]:
    """What the labels of one service say, and what is wrong with them.

    service: its name in the source. None: it is not to be routed, because nothing says so (no warning), because a label
    says that it is not (no warning) or because a label is wrong in a way that no default mends (a warning says which).
    Native labels win over Traefik's; values of Traefik's cookies are then still accepted under the cookie's name.
    Native labels that are mere additions (native.BESIDE) leave Traefik's in force.
    """
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
        return reading, tuple(reader.warnings)
    reader = LabelReader(service, labels)
    if of_traefik:
        reading = _attempt(traefik1.read, service, defaults, reader)
        warnings = reader.warnings
        if own and reading is not None:
            beside = LabelReader(service, native.labels_of(labels), fold=True)
            reading = native.read_beside(reading, beside)
            warnings = [*warnings, *beside.warnings]
        return reading, tuple(warnings)
    if later := traefik1.of_later_traefik(labels):
        text = "labels of Traefik 2 and 3 are not understood yet; add faststicky.port and faststicky.rule"
        reader.warn_of(later[0], text)
    return None, tuple(reader.warnings)


def _attempt(dialect: _Dialect, service: str, defaults: LabelDefaults, reader: LabelReader) -> Reading | None:
    try:
        return dialect(service, defaults, reader)
    except LabelError:
        return None  # the reader has kept the warning
