"""The configuration file, changed all the time."""

from __future__ import annotations

import random
from pathlib import Path

from soak.users import COOKIE

CORE = ("a", "b", "c")  # they never leave
GUEST = "d"  # it comes and goes


class Configuration:
    """good: port of each good backend by its name; bad: ports of the others, by service."""

    def __init__(self, path: Path, good: dict[str, int], bad: dict[str, list[int]], dice: random.Random) -> None:
        self._path, self._good, self._bad, self._dice = path, good, bad, dice
        self._number = 0
        self._first = ""
        self.change()

    def change(self) -> None:
        """Another table: weights, the guest, services and routes that come and go; one in ten is a mistake."""
        self._number += 1
        text = self._text()
        self._first = self._first or text
        if self._number > 1 and self._dice.random() < 0.1:
            text = self._dice.choice(("nonsense", text[: len(text) // 2], text + "[services.empty]\n", ""))
        self._write(text)

    def restore(self) -> None:
        """The first table again, with which what is alive at the end can be compared."""
        self._write(self._first)

    def _write(self, text: str) -> None:
        replacement = self._path.with_suffix(".new")
        replacement.write_text(text)
        replacement.replace(self._path)

    def _text(self) -> str:
        names = [*CORE, GUEST] if self._dice.random() < 0.5 else [*CORE]
        out = [
            "[services.web]",
            f"backends = [{', '.join(self._backend(self._good[name], name) for name in names)}]",
            f'cookie = {{ name = "{COOKIE}" }}',
        ]
        routes = [("web", "PathPrefix(`/`)")]
        for service, ports in self._bad.items():
            out += [f"[services.{service}]", f"backends = [{', '.join(self._backend(port) for port in ports)}]"]
            routes.append((service, f"PathPrefix(`/{service}`)"))
        # New names each time: what is kept of those that are gone is kept for ten minutes (serve/series.py), and no longer
        for number in range(self._dice.randint(0, 2)):
            service = f"extra{self._number}x{number}"
            out += [f"[services.{service}]", f"backends = [{self._backend(self._good[CORE[0]])}]"]
            routes.append((service, f"Host(`{service}.test`) && PathPrefix(`/`)"))
        for service, rule in routes:
            out += ["[[routes]]", f'rule = "{rule}"', f'service = "{service}"']
        return "\n".join(out) + "\n"

    def _backend(self, port: int, name: str = "") -> str:
        named = f', name = "{name}"' if name else ""
        return f'{{ url = "http://127.0.0.1:{port}"{named}, weight = {self._dice.randint(1, 3)} }}'
