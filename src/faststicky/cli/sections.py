"""Options in groups, so that `--help` can be read from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


class SectionOption(click.Option):
    """An option that belongs under a heading of `--help` and has an environment variable, FASTSTICKY_NAME."""

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        kwargs.setdefault("show_default", True)
        kwargs.setdefault("show_envvar", True)
        super().__init__(*args, **kwargs)
        self.section = section
        if self.envvar is None and self.name:
            self.envvar = f"FASTSTICKY_{self.name.upper()}"


class SectionedCommand(click.Command):
    """Writes its options under the headings that they name, in the order in which the headings first appear."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(param, "section", "Other"), []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


def own_options(params: Sequence[click.Parameter]) -> dict[str, bool]:
    """Every spelling of every option, and whether it takes a value."""
    return {
        spelling: not (param.is_flag or param.count)
        for param in params
        if isinstance(param, click.Option)
        for spelling in (*param.opts, *param.secondary_opts)
    }
