"""What happened, counted: what the users met, and what the attackers did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MOST_TEXTS = 40


@dataclass
class Ledger:
    """Filled by users and attackers, read by the verdict."""

    requests: Counter[str] = field(default_factory=Counter)  # of users, by kind
    harm: Counter[str] = field(default_factory=Counter)  # of them, what did not go as it should, by kind
    attacks: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)  # that attackers were answered
    wrong: Counter[str] = field(default_factory=Counter)  # what attackers must never see
    texts: list[str] = field(default_factory=list)  # the first of harm and wrong, in words
    users: int = 0
    moved: int = 0  # users of a backend that left, to another one
    changes: int = 0  # of the table

    def harmed(self, kind: str, text: str) -> None:
        """A user's request went wrong."""
        self.harm[kind] += 1
        self._keep(f"harmed: {kind}: {text}")

    def saw(self, attack: str, text: str) -> None:
        """An attacker saw what it should not have seen."""
        self.wrong[attack] += 1
        self._keep(f"wrong: {attack}: {text}")

    def answered(self, attack: str, first: bytes) -> None:
        """How an attacker was answered."""
        self.attacks[attack] += 1
        status = first[9:12].decode("latin-1") if first.startswith(b"HTTP/1.") else "other" if first else "none"
        self.statuses[status] += 1

    def _keep(self, text: str) -> None:
        if len(self.texts) < MOST_TEXTS:
            self.texts.append(text)
