"""The relay's options, made from the fields of settings.RelayOptions."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from faststicky.cli.parameters import NETWORK, PSEUDONYM, DurationType, SizeType
from faststicky.cli.sections import SectionOption
from faststicky.quantities import format_duration, format_size
from faststicky.settings import RelayOptions

_SECTIONS = {"duration": "Deadlines", "size": "Limits", "count": "Limits"}
LOGS = "Logs"


def relay_options() -> list[SectionOption]:
    """One option for each field, `head_timeout` as `--head-timeout`."""
    hints = typing.get_type_hints(RelayOptions, include_extras=True)
    options = [_option(field.name, hints[field.name], field.default) for field in msgspec.structs.fields(RelayOptions)]
    return sorted(options, key=lambda option: (option.section == LOGS, option.section != "Deadlines"))


def relay_settings(values: Mapping[str, Any]) -> RelayOptions:
    """From the parsed options, of which it takes its own."""
    names = [field.name for field in msgspec.structs.fields(RelayOptions)]
    return msgspec.convert({name: values[name] for name in names}, RelayOptions)


def _option(name: str, hint: Any, default: Any) -> SectionOption:
    metas = [meta for meta in hint.__metadata__ if isinstance(meta, msgspec.Meta)]
    text = next(meta.description for meta in metas if meta.description)
    unit = next((str(meta.extra["unit"]) for meta in metas if meta.extra), "")
    most = next((int(meta.le) for meta in metas if meta.le is not None), None)
    flag = "--" + name.replace("_", "-")
    section = _SECTIONS.get(unit, "Forwarding")
    if unit == "duration":
        kind = DurationType(most)
        return SectionOption([flag], type=kind, default=format_duration(default), help=text, section=section)
    if unit == "size":
        return SectionOption([flag], type=SizeType(most), default=format_size(default), help=text, section=section)
    if unit == "count":
        return SectionOption([flag], type=click.IntRange(min=0, max=most), default=default, help=text, section=section)
    if typing.get_origin(hint.__origin__) is typing.Literal:
        choices = click.Choice(typing.get_args(hint.__origin__))
        return SectionOption([flag], type=choices, default=default, help=text, section=LOGS)
    if isinstance(default, bool):
        return SectionOption([f"{flag}/--no-{flag[2:]}"], default=default, help=text, section=section)
    if isinstance(default, tuple):
        return SectionOption([flag], multiple=True, type=NETWORK, help=text, section=section)
    return SectionOption(
        [flag], type=PSEUDONYM, default=default, help=text, section=section, show_default=bool(default)
    )
