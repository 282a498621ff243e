"""Services as a stack file declares them (docker stack deploy; Compose file format 3).

Only what matters to labels and routes is looked at: the rest of the file may be anything. Several files are one stack, as
with several -c of docker stack deploy: what a later one says of a service is put over what earlier ones say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from faststicky.check.declared import UNKNOWN, Declared
from faststicky.check.variables import substitute
from faststicky.check.yaml_file import Table, as_text, parse
from faststicky.errors import ConfigError
from faststicky.model import Warning

_PORTS = re.compile(
    r"(?:(?:.*:)?(?P<published>[0-9]+(?:-[0-9]+)?)?:)?(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<kind>[a-z]+))?"
)


class _Service:
    """What the files say of one service."""

    def __init__(self) -> None:
        self.labels: dict[str, str] = {}
        self.container_labels: dict[str, str] = {}
        self.networks: dict[str, None] = {}  # keys of the files' `networks`, a set in order
        self.ports: dict[tuple[int, int], None] = {}
        self.mode, self.replicas = "replicated", 1
        self.remarks: list[Warning] = []


def read(files: Sequence[tuple[str, str]], stack: str, environment: Mapping[str, str]) -> list[Declared]:
    """The services of one stack, by name.

    files: name, for errors, and content of each; stack: its name, "" if it has none yet. Raises ConfigError.
    """
    services: dict[str, _Service] = {}
    networks: dict[str, str] = {}
    for name, text in files:
        _File(name, text, stack, environment).add_to(services, networks)
    prefix = f"{stack}_" if stack else ""
    return [
        Declared(
            name=prefix + key,
            labels=one.labels,
            container_labels=one.container_labels,
            tasks=None if one.mode.startswith("global") else one.replicas,
            networks=tuple(networks.get(key) or _own_network(stack, key) for key in one.networks or ("default",)),
            ingress_ports=tuple(one.ports),
            remarks=tuple(one.remarks),
        )
        for key, one in sorted(services.items())
    ]


def _own_network(stack: str, key: str) -> str:
    return f"{stack or UNKNOWN}_{key}"


class _File:
    """One file, while it is read."""

    def __init__(self, name: str, text: str, stack: str, environment: Mapping[str, str]) -> None:
        self._name = name
        self._stack = stack
        self._environment = environment
        content = parse(text, name)
        remedy = "give a stack file, as docker stack deploy -c takes it"
        if not isinstance(content, Table):
            raise ConfigError("not a stack file: its content is no mapping", where=name, remedy=remedy)
        if not isinstance(content.get("services"), Table):
            raise ConfigError("not a stack file: it has no mapping `services`", where=name, remedy=remedy)
        self._content = content

    def add_to(self, services: dict[str, _Service], networks: dict[str, str]) -> None:
        """Raises ConfigError."""
        declared = self._table(self._content, "networks")
        for key in declared:
            networks[key] = self._network_name(key, self._table(declared, key))
        listed = self._table(self._content, "services")
        for key in listed:
            if listed[key] is None:
                raise self._error(listed, key, f"service {key} is empty", "give it an image")
            one = services.setdefault(key, _Service())
            self._add(one, (f"{self._stack}_" if self._stack else "") + key, self._table(listed, key))

    def _add(self, one: _Service, name: str, table: Table) -> None:
        deploy = self._table(table, "deploy")
        one.container_labels.update(self._labels(one, name, table))
        one.labels.update(self._labels(one, name, deploy))
        for key in self._names(table, "networks"):
            one.networks[key] = None
        for port in self._ports(table):
            one.ports[port] = None
        if deploy.get("mode") is not None:
            one.mode = self._text(deploy, "mode")
        if deploy.get("replicas") is not None:
            text = self._text(deploy, "replicas")
            if not re.fullmatch("[0-9]{1,9}", text):
                raise self._error(deploy, "replicas", f"{text!r} is no number of tasks", "write it as replicas: 3")
            one.replicas = int(text)

    def _network_name(self, key: str, table: Table) -> str:
        """What Swarm calls a network of the file."""
        external = table.get("external")
        if isinstance(external, Table) and external.get("name"):
            return self._text(external, "name")
        if table.get("name"):
            return self._text(table, "name")
        return key if external else _own_network(self._stack, key)

    def _labels(self, one: _Service, service: str, table: Table) -> dict[str, str]:
        """Labels as a mapping, or as a list of KEY=VALUE."""
        given = table.get("labels")
        if given is None:
            return {}
        if isinstance(given, list) and all(isinstance(item, str) for item in given):
            pairs = {key: value for key, _, value in (item.partition("=") for item in given)}
            _forget_remarks(one, pairs)
            return {key: self._label(one, service, (table, "labels"), key, value) for key, value in pairs.items()}
        if not isinstance(given, Table) or any(isinstance(value, (list, dict)) for value in given.values()):
            raise self._error(table, "labels", "labels are no mapping of texts", "write KEY: VALUE, or - KEY=VALUE")
        _forget_remarks(one, given)
        for key, value in given.items():
            if isinstance(value, bool):
                word = as_text(value)
                text = (
                    f'docker stack deploy refuses {word} here, since label values are texts; write "{word}" in quotes'
                )
                one.remarks.append(Warning(service=service, label=key, value=word, text=text))
        return {key: self._label(one, service, (given, key), key, as_text(value)) for key, value in given.items()}

    def _label(self, one: _Service, service: str, place: tuple[Table, str], key: str, text: str) -> str:
        value, missing = self._substituted(*place, text)
        for name in missing:
            said = f"variable {name} is not set: nothing stands in its place; set it, or write ${{{name}:-default}}"
            said += f", or $${name} if it is none"
            one.remarks.append(Warning(service=service, label=key, value=value, text=said))
        return value

    def _ports(self, table: Table) -> Iterator[tuple[int, int]]:
        """Ports of the routing mesh: published, inside."""
        for item in self._list(table, "ports"):
            if isinstance(item, Table):
                if item.get("mode", "ingress") == "ingress" and item.get("protocol", "tcp") == "tcp":
                    numbers = [self._text(item, key) if key in item else "0" for key in ("published", "target")]
                    yield from self._pairs(table, *numbers)
                continue
            text, _ = self._substituted(table, "ports", as_text(item))
            match = _PORTS.fullmatch(text)
            if match is None:
                raise self._error(table, "ports", f"{text!r} is no port", "write PUBLISHED:TARGET")
            if match["kind"] in (None, "tcp"):
                yield from self._pairs(table, match["published"] or "0", match["target"])

    def _pairs(self, table: Table, published: str, target: str) -> Iterator[tuple[int, int]]:
        outside, inside = (_range(text) for text in (published, target))
        if not outside or not inside or not inside[0]:
            raise self._error(table, "ports", f"{published}:{target} are no ports", "write PUBLISHED:TARGET")
        if len(inside) == 1:  # one port inside for several outside
            yield from ((port, inside[0]) for port in outside)
        elif len(outside) in (1, len(inside)):
            yield from zip(outside if len(outside) > 1 else [0] * len(inside), inside, strict=True)
        else:
            raise self._error(table, "ports", f"{published}:{target} are not as many", "write as many on both sides")

    def _names(self, table: Table, key: str) -> list[str]:
        """A list of names, or the keys of a mapping."""
        given = table.get(key)
        if isinstance(given, Table):
            return list(given)
        return [self._substituted(table, key, as_text(item))[0] for item in self._list(table, key)]

    def _list(self, table: Table, key: str) -> list[Any]:
        given = table.get(key)
        if given is not None and not isinstance(given, list):
            raise self._error(table, key, f"{key} is no list", "write each behind a dash")
        return given or []

    def _table(self, table: Table, key: str) -> Table:
        """A mapping in a mapping; an empty one where there is none."""
        given = table.get(key)
        if given is not None and not isinstance(given, Table):
            raise self._error(table, key, f"{key} is no mapping", "write KEY: VALUE, indented below it")
        return Table() if given is None else given

    def _text(self, table: Table, key: str) -> str:
        if isinstance(table[key], (list, dict)):
            raise self._error(table, key, f"{key} is no text", "write one value behind it")
        return self._substituted(table, key, as_text(table[key]))[0]

    def _substituted(self, table: Table, key: str, text: str) -> tuple[str, list[str]]:
        try:
            return substitute(text, self._environment)
        except ValueError as error:
            what, _, remedy = str(error).partition("; ")
            raise self._error(table, key, f"{key} has {what}", remedy) from None

    def _error(self, table: Table, key: str, what: str, remedy: str) -> ConfigError:
        return ConfigError(what, where=f"{self._name}, line {table.where(key)}", remedy=remedy)


def _forget_remarks(one: _Service, keys: Iterable[str]) -> None:
    """About labels that another file says anew."""
    one.remarks = [remark for remark in one.remarks if remark.label not in keys]


def _range(text: str) -> range:
    """Of "8000" or "8000-8010"; empty if it is neither."""
    match = re.fullmatch("([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    found = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    return found if found and found[-1] <= 65535 else range(0)
