"""Types of option values: durations, sizes, addresses, worker counts."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, NoReturn

import click

from faststicky.address import Address
from faststicky.errors import ConfigError
from faststicky.quantities import format_duration, format_size, parse_duration, parse_size

if TYPE_CHECKING:  # generic for type checkers only before click 8.4
    _Base = click.ParamType[Any]
else:
    _Base = click.ParamType


_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


class _Type(_Base):
    def refuse(self, error: Exception, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        self.fail(str(error), param, ctx)


class DurationType(_Type):
    """`10s`, `250ms`; seconds as a float. most: the longest."""

    name = "duration"

    def __init__(self, most: float | None = None) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            self.refuse(error, param, ctx)
        if self._most is not None and seconds > self._most:
            self.fail(f"{value!r} is more than {format_duration(self._most)}", param, ctx)
        return seconds


class SizeType(_Type):
    """`64k`; bytes. most: the largest."""

    name = "size"

    def __init__(self, most: int | None = None) -> None:
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            size = parse_size(value)
        except (ValueError, OverflowError) as error:
            self.refuse(error, param, ctx)
        if self._most is not None and size > self._most:
            self.fail(f"{value!r} is more than {format_size(self._most)}", param, ctx)
        return size


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


class NetworkType(_Type):
    """`10.0.0.0/8`, `fd00::/8` or one address; the text as it was given."""

    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError:
            self.fail(f"{value!r} is not a network; write it as 10.0.0.0/8, fd00::/8 or one address", param, ctx)
        return str(value)


class PseudonymType(_Type):
    """A word that may stand in a field value (RFC 9110, section 5.6.2: token), or nothing."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value and not _TOKEN.fullmatch(value):
            self.fail(f"{value!r} is not a name; give letters, digits and -._~ only", param, ctx)
        return str(value)


DURATION, SIZE, ADDRESS, WORKERS = DurationType(), SizeType(), AddressType(), WorkersType()
NETWORK, PSEUDONYM = NetworkType(), PseudonymType()
