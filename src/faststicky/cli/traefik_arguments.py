"""Arguments of Traefik 1.7, 2 and 3, so that a service's command line can stay as it is.

`translate` leaves faststicky's own options alone, turns Traefik's into them where they have a meaning (their names are
case-insensitive, as Traefik's are), and returns one note for each that is ignored, with the reason. What neither of the
two knows is an error that names the nearest. Which argument means what is in traefik_rules.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import msgspec

from faststicky.cli.traefik_reading import Reading, Rule
from faststicky.cli.traefik_rules import rule_for, rule_names
from faststicky.errors import ConfigError

MIGRATING = "faststicky run --help lists the options"


class Translation(msgspec.Struct, frozen=True):
    """args: faststicky's own options. notes: what was ignored and why, for the log."""

    args: tuple[str, ...]
    notes: tuple[str, ...]


def translate(args: Sequence[str], own: Mapping[str, bool]) -> Translation:
    """own: faststicky's options and whether each takes a value. Raises ConfigError for what nobody knows."""
    kept: list[str] = []
    reading = Reading(version=_version(args, own), given=frozenset(arg.partition("=")[0] for arg in args) & own.keys())
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if arg == "--":
            kept += [arg, *rest]
            break
        name, equals, value = arg.partition("=")
        if not name.startswith("-") or name in own:
            kept.append(arg)
            if own.get(name) and not equals and rest:
                kept.append(rest.pop(0))
            continue
        key = name.lstrip("-").lower()
        rule = rule_for(key)
        if rule is None:
            raise _unknown(name, own)
        if not equals:
            value = _following(rule, rest)
        reading.read(rule, name, key, value)
    return Translation((*kept, *reading.own_arguments()), tuple(reading.notes))


def _following(rule: Rule, rest: list[str]) -> str:
    """The value of an argument written without "=": a switch is true by itself, the rest have it in the next word."""
    if rest and not rest[0].startswith("-") and (not rule.switch or rest[0].lower() in ("true", "false")):
        return rest.pop(0)
    return "true" if rule.switch else ""


def _version(args: Sequence[str], own: Mapping[str, bool]) -> int:
    """1, or 2 for Traefik 2 and 3, whose static configuration is spelled alike where it matters here."""
    newer = (
        "providers.",
        "entrypoints.",
        "serverstransport",
        "certificatesresolvers",
        "log.",
        "api.insecure",
        "global.",
    )
    names = [arg.partition("=")[0] for arg in args]
    keys = [name.lstrip("-").lower() for name in names if name.startswith("-") and name not in own]
    return 2 if any(key.startswith(newer) for key in keys) else 1


def _unknown(name: str, own: Mapping[str, bool]) -> ConfigError:
    candidates = {option.lower(): option for option in own} | {f"--{key}": f"--{key}" for key in rule_names()}
    near = difflib.get_close_matches(f"--{name.lstrip('-').lower()}", candidates, n=1)
    hint = f"did you mean {candidates[near[0]]}?" if near else MIGRATING
    return ConfigError(f"{name} is an option of neither faststicky nor Traefik", where="command line", remedy=hint)
