"""Every error that faststicky raises on purpose: each says what was wrong, where, and what to do."""

from __future__ import annotations


class FaststickyError(Exception):
    """Base of all errors that are meant to be shown to a person.

    what: what is wrong, with the offending value; where: the file, label, option or address; remedy: what to do.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.remedy}" if self.remedy else text


class ConfigError(FaststickyError):
    """A command-line option, an environment variable or a configuration file is wrong."""


class LabelError(FaststickyError):
    """A label on a service is wrong. `where` is "service NAME, label KEY"."""


class DiscoveryError(FaststickyError):
    """A source of backends did not answer, or not completely; the last good table stays in force."""
