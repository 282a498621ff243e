"""Types of option values: durations, sizes, addresses, worker counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import click

from faststicky.address import Address
from faststicky.errors import ConfigError
from faststicky.quantities import parse_duration, parse_size

if TYPE_CHECKING:  # generic for type checkers only before click 8.4
    _Base = click.ParamType[Any]
else:
    _Base = click.ParamType


class _Type(_Base):
    def refuse(self, error: Exception, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        self.fail(str(error), param, ctx)


class DurationType(_Type):
    """`10s`, `250ms`; seconds as a float."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.refuse(error, param, ctx)


class SizeType(_Type):
    """`64k`; bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.refuse(error, param, ctx)


class AddressType(_Type):
    """`0.0.0.0:80`; where `off_word` is given, that word means None."""

    name = "address"

    def __init__(self, off_word: str = "") -> None:
        self._off_word = off_word

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address | str:
        if isinstance(value, Address) or (self._off_word and value == self._off_word):
            return value  # type: ignore[no-any-return]
        try:
            return Address.parse(value)
        except ConfigError as error:
            self.refuse(error, param, ctx)


class WorkersType(_Type):
    """`auto` or a number; 0 stands for auto."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "auto" or isinstance(value, int):
            return 0 if value == "auto" else int(value)
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 1024):
            self.fail(f"{value!r} is not a number of workers; give auto or 1 to 1024", param, ctx)
        return int(value)


DURATION, SIZE, ADDRESS, WORKERS = DurationType(), SizeType(), AddressType(), WorkersType()
