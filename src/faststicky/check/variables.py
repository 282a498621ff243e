"""Variables in stack files, as `docker stack deploy` puts them in (docker/cli, compose/template).

$NAME, ${NAME}; ${NAME:-default} where it is not set or empty, ${NAME-default} where it is not set; ${NAME:?text} and
${NAME?text} where it has to be set; $$ is a dollar sign. As there, `:-` also counts behind a name without braces, defaults are not
looked into, and a variable that is not set is replaced by nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_EXPRESSION = r"[_a-z][_a-z0-9]*(?::?[-?][^}]*)?"
_PATTERN = re.compile(
    rf"\$(?:(?P<escaped>\$)|(?P<named>{_EXPRESSION})|\{{(?P<braced>{_EXPRESSION})\}}|(?P<invalid>))",
    re.IGNORECASE | re.ASCII,
)


def substitute(text: str, environment: Mapping[str, str]) -> tuple[str, list[str]]:
    """`text` with its variables replaced, and the names of those that are not set and have no default.

    Raises ValueError with what is wrong and what to do.
    """
    missing: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        if match["escaped"]:
            return "$"
        expression = match["named"] or match["braced"]
        if not expression:
            raise ValueError("a $ that begins no variable; write $$ for a dollar sign")
        for separator in (":-", "-", ":?", "?"):
            if separator in expression:
                return _with(separator, expression, environment)
        if expression not in environment:
            missing.append(expression)
        return environment.get(expression, "")

    return _PATTERN.sub(value_of, text), missing


def _with(separator: str, expression: str, environment: Mapping[str, str]) -> str:
    name, _, rest = expression.partition(separator)
    value = environment.get(name)
    if value or (value is not None and ":" not in separator):
        return value
    if "?" in separator:
        raise ValueError(f"variable {name} has to be set ({rest or 'it says'}); set it in the environment")
    return rest
