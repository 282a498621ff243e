"""YAML as Docker's programs read it, with the place of everything that an error may have to name.

PyYAML's safe loader, with the scalars of YAML 1.2 as gopkg.in/yaml.v3 resolves them: yes, no, on and off are texts, 1:30 is no
number. Keys that are there twice are errors, as there.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from faststicky.errors import ConfigError

_RESOLVED = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
)


class Table(dict[str, Any]):
    """A mapping of a file. line: where it begins; lines: where each of its keys is, from 1."""

    line = 0

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def where(self, key: str) -> int:
        """The line of a key; that of the mapping for one that came by a merge."""
        return self.lines.get(key, self.line)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  # PyYAML's own way; filled below

    def construct_table(self, node: MappingNode) -> Any:
        table = Table()
        table.line = node.start_mark.line + 1
        yield table
        written = [(key, key.start_mark) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key, mark in written:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} is no text; quote it", mark)
            if name in table.lines:
                first = table.lines[name]
                text = f"the key {name!r} is there twice, first in line {first}; remove one of them"
                raise yaml.constructor.ConstructorError(None, None, text, mark)
            table.lines[name] = mark.line + 1
        table.update({str(key): value for key, value in self.construct_mapping(node).items()})  # merges resolved

    def construct_text(self, node: ScalarNode) -> str:
        text: str = self.construct_scalar(node)
        return text

    def construct_number(self, node: ScalarNode) -> int:
        text = self.construct_scalar(node).replace("_", "")
        digits = text.lstrip("+-")
        octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
        number = int(digits, 8 if octal else 0)
        return -number if text.startswith("-") else number

    def construct_fraction(self, node: ScalarNode) -> float | str:
        text: str = self.construct_scalar(node)
        number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text if math.isinf(number) and text[-1].isdigit() else number  # too large to be a number


for _tag, _pattern, _first in _RESOLVED:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_table)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_fraction)
_Loader.add_constructor("tag:yaml.org,2002:merge", _Loader.construct_text)  # where it is a value


def parse(text: str, name: str) -> Any:
    """The content of one document: Table, list, str, int, float, bool or None. name: of the file, for errors.

    Raises ConfigError with file, line and remedy.
    """
    try:
        loader = _Loader(text)
        try:
            node: Node | None = loader.get_single_node()
            return None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}, line {mark.line + 1}" if mark else name
        what = " ".join(part for part in (error.context, error.problem) if part)
    except yaml.reader.ReaderError as error:
        where, what = f"{name}, character {error.position + 1}", f"{error.reason}: {error.character!r}"
    except (RecursionError, ValueError) as error:
        where, what = name, str(error)
    what, _, remedy = what.partition("; ")
    raise ConfigError(f"not readable as YAML: {what}", where=where, remedy=remedy or "mend the file")


def as_text(value: object) -> str:
    """A scalar as Docker makes a label's value of it (Go's fmt.Sprint)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _as_go_writes(value) if isinstance(value, float) else str(value)


def _as_go_writes(number: float) -> str:
    """Its shortest digits, with an exponent below 0.0001 and from a million on."""
    if not math.isfinite(number):
        return {math.inf: "+Inf", -math.inf: "-Inf"}.get(number, "NaN")
    digits = len(Decimal(repr(number)).normalize().as_tuple().digits)
    if digits > 6 and abs(number) >= 1e6:
        return f"{number:.{digits - 1}e}"
    return f"{number:.{max(digits, 6)}g}"
