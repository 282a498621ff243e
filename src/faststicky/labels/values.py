"""Reading single values: what all dialects (and the configuration file) share.

The parsers raise LabelError with `what` and `remedy`; LabelReader adds `where` and keeps the warnings.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from faststicky.errors import LabelError
from faststicky.model import Warning
from faststicky.quantities import parse_duration

T = TypeVar("T")

_TRUE = frozenset({"1", "t", "true", "yes", "on"})
_FALSE = frozenset({"0", "f", "false", "no", "off"})
_SHOWN = 80


def shown(value: str) -> str:
    """`value` in quotes for a message: one line, no control characters, at most 80 characters of it."""
    cut = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut) + '"'


def boolean(text: str) -> bool:
    """true or false in any case; also 1/0, t/f (Go's ParseBool, which Traefik uses), yes/no and on/off."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise LabelError(f"{shown(text)} is not a truth value", remedy="write true or false")


def integer(low: int, high: int, remedy: str = "") -> Callable[[str], int]:
    """A parser for whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        word = text.strip()
        if not re.fullmatch(r"-?[0-9]{1,12}", word):
            raise LabelError(
                f"{shown(text)} is not a whole number", remedy=remedy or f"write a number from {low} to {high}"
            )
        number = int(word)
        if not low <= number <= high:
            raise LabelError(f"{number} is out of range", remedy=remedy or f"write a number from {low} to {high}")
        return number

    return parse


def port(text: str) -> int:
    """A TCP port, 1 to 65535."""
    return integer(1, 65535, "write the port on which the application listens inside its container, 1 to 65535")(text)


def duration(text: str) -> float:
    """Seconds from `10s`, `250ms`, `1h30m`, `7d` or a plain number of seconds."""
    try:
        return parse_duration(text)
    except ValueError:
        remedy = "write for example 10s, 250ms, 1h30m, or plain seconds"
        raise LabelError(f"{shown(text)} is not a duration", remedy=remedy) from None


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, "" when none is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.75)
    return close[0] if close else ""


class LabelReader:
    """The labels of one service and the warnings that reading them gives.

    labels: as the source gave them. fold: keys are compared without regard to case.
    """

    def __init__(self, service: str, labels: Mapping[str, str], *, fold: bool = False) -> None:
        self.service = service
        self.warnings: list[Warning] = []
        self.values: dict[str, object] = {}
        """What each label that was looked up stands for, by its key as it was written; the default if it is wrong."""
        self._fold = fold
        self._labels: dict[str, tuple[str, str]] = {}  # looked-up key: (key as written, value)
        for key in sorted(labels):
            name = key.lower() if fold else key
            if name in self._labels:
                first = self._labels[name][0]
                self.warn(key, labels[key], f"the same label as {first}, which is used; remove one of them")
            else:
                self._labels[name] = (key, labels[key])

    def names(self) -> list[str]:
        """Keys as they are looked up (lower case when folded), in order."""
        return sorted(self._labels)

    def written(self, key: str) -> str:
        """A key as the source spells it; `key` itself if it is missing."""
        return self._labels.get(key, (key, ""))[0]

    def peek(self, key: str) -> str | None:
        """As `text`, of a label that has no effect of its own: it does not count as looked up."""
        found = self._labels.get(key)
        return None if found is None else found[1].strip()

    def text(self, key: str) -> str | None:
        """The value without surrounding white space, None when the label is missing."""
        value = self.peek(key)
        if value is not None:
            self.values.setdefault(self.written(key), value)
        return value

    def warn(self, key: str, value: str, text: str) -> None:
        """Keep one warning: what is wrong, and the remedy."""
        self.warnings.append(Warning(service=self.service, label=key, value=value, text=text))

    def warn_of(self, key: str, text: str) -> None:
        """Warn of a label that is there, under the key as it was written."""
        written, value = self._labels.get(key, (key, ""))
        self.warn(written, value, text)

    def optional(self, key: str, parse: Callable[[str], T], default: T, instead: str = "") -> T:
        """The parsed value; `default`, with a warning, when it is wrong.

        instead: what the default means, for the warning.
        """
        value = self.text(key)
        if value is None:
            return default
        try:
            return self._found(key, parse(value))
        except LabelError as error:
            self.warn_of(key, f"{error}; until then {instead or f'{default} is used'}")
            return self._found(key, default)

    def required(
        self, key: str, parse: Callable[[str], T], missing: str, until: str = "the service is not routed"
    ) -> T:
        """The parsed value. Raises LabelError, after keeping the warning, when it is missing or wrong.

        missing: what to do when there is no such label. until: what is so then; usually the service is left out.
        """
        value = self.text(key)
        try:
            if value is None:
                raise LabelError("this label is missing", remedy=missing)
            return self._found(key, parse(value))
        except LabelError as error:
            raise self.left_out(key, error.what, error.remedy, until) from None

    def left_out(self, key: str, what: str, remedy: str, until: str = "the service is not routed") -> LabelError:
        """Keep the warning and make the error that leaves the service, or what `until` says, out."""
        self.warn_of(key, f"{what}; {remedy}; until then {until}")
        return LabelError(what, where=f"service {self.service}, label {key}", remedy=remedy)

    def _found(self, key: str, value: T) -> T:
        self.values[self._labels[key][0]] = value
        return value
