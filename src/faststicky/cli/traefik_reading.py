"""How an argument of Traefik is read: what a rule can do with it, and what comes of all of them together."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from faststicky.cli.traefik_entrypoints import EntryPoint
from faststicky.errors import ConfigError


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """pattern: of the argument's name in lower case. switch: it may stand without a value.

    What it does: `apply` (a function of the reading, its key and its value), or `option` with `convert`. Otherwise it
    is ignored, with a note of the `reason` unless the value is `as_it_is`, which says what faststicky does anyway; or
    refused, when it would be dangerous to ignore it: `refused` is the remedy.
    """

    pattern: str
    switch: bool = False
    apply: Callable[[Reading, str, str], None] | None = None
    option: str = ""
    convert: Callable[[str], str | None] = str
    reason: str = ""
    as_it_is: str = ""
    refused: str = ""


class Reading:
    """Collects what a command line says; `own_arguments` is its translation."""

    def __init__(self, version: int, given: frozenset[str] = frozenset()) -> None:
        """given: faststicky's own options that are there too; they win."""
        self.version = version
        self.notes: list[str] = []
        self.entry_points: dict[str, EntryPoint] = {}
        self.docker = False
        self.swarm_mode = False
        self.providers: set[str] = set()  # "docker" and "swarm", as Traefik 2 and 3 name them
        self.page = False
        self.values: dict[str, list[str]] = {}
        self._given = given
        self._name = ""

    def read(self, rule: Rule, name: str, key: str, value: str) -> None:
        """One argument. Raises ConfigError when its value cannot be understood."""
        self._name = name
        if key.startswith("providers."):
            self.providers.add(key.split(".")[1])
        try:
            if rule.refused:
                raise ConfigError(f"{value!r} cannot be honoured", where=name, remedy=rule.refused)
            if rule.apply is not None:
                rule.apply(self, key, value)
            elif rule.option:
                converted = rule.convert(value)
                if converted is not None:
                    self.values[rule.option] = [converted]
            if rule.reason and value.lower() != rule.as_it_is:
                self.note(rule.reason)
        except ValueError as error:
            raise ConfigError(str(error), where=name, remedy="write it as Traefik documents it") from error

    def note(self, reason: str) -> None:
        """Once for each argument."""
        text = f"{self._name} is ignored: {reason}"
        if text not in self.notes:
            self.notes.append(text)

    def entry_point(self, name: str) -> EntryPoint:
        """Made when it is first mentioned."""
        return self.entry_points.setdefault(name.lower(), EntryPoint(name))

    def own_arguments(self) -> list[str]:
        """The translation, without what the command line says in faststicky's own words."""
        if self.docker:
            self.values["--swarm"] = []
            if "docker" in self.providers and "swarm" not in self.providers:
                self.values["--traefik-provider"] = ["docker"]
            if not self.swarm_mode:
                self.notes.append(
                    "only services of a Swarm are read, not single containers (Traefik without Swarm mode)"
                )
        self._listen()
        arguments: list[str] = []
        for option, values in self.values.items():
            if option in self._given:
                continue
            arguments += [word for value in values for word in (option, value)] if values else [option]
        return arguments

    def _listen(self) -> None:
        for point in self.entry_points.values():
            if point.name.lower() == "traefik":
                if point.address:
                    self.values["--admin"] = [point.address]
            elif point.tls:
                self.notes.append(f"entry point {point.name} is not opened: faststicky does not terminate TLS")
            elif point.udp:
                self.notes.append(f"entry point {point.name} is not opened: faststicky does not serve UDP")
            elif point.address:
                self.values.setdefault("--listen", []).append(point.address)
        if self.page and "--admin" not in self.values and "--admin" not in self._given:
            self.values["--web"] = []
