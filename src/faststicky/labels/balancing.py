"""How new sessions are spread, as labels and configuration files say it (model.Balancing).

faststicky.balance         wrr (default), least, p2c, random, or hash: see core/table/balance.pxi
faststicky.hash            for hash: address (default), header:NAME or query:NAME
faststicky.max-concurrent  requests in flight at one task, for each worker; default: any number
faststicky.max-queued      that wait for one full task; default 100
faststicky.queue-timeout   how long; default 10s
faststicky.slow-start      time in which a new task comes to its full share: 30s
faststicky.prefer          node: new sessions go to tasks on the proxy's own node, unless these are crowded
"""

from __future__ import annotations

import re
from collections.abc import Callable

from faststicky.errors import LabelError
from faststicky.labels.values import LabelReader, duration, integer, shown
from faststicky.model import Balance, Balancing

NATIVE = "faststicky."
NATIVE_KEYS = ("balance", "hash", "max-concurrent", "max-queued", "queue-timeout", "slow-start", "prefer")
LONGEST_WAIT = 300.0  # seconds in a queue or for a backend; browsers and load balancers have given up by then
LONGEST_START = 3600.0  # seconds

_DEFAULT = Balancing()
_BALANCES: dict[str, Balance] = {each: each for each in ("wrr", "least", "p2c", "random", "hash")}
_KEY = re.compile(r"address|header:[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}|query:[!\"$%'-<>-~]{1,100}", re.IGNORECASE)


def read_native(reader: LabelReader, default: Balancing = _DEFAULT) -> Balancing:
    """What faststicky's labels say; a wrong value is warned of, and its default used.

    default: what holds where they say nothing.
    """
    balance = reader.optional(NATIVE + "balance", method, default.balance, f"{default.balance} is used")
    key = reader.optional(NATIVE + "hash", hash_key, "", "the client's address is used")
    if key and balance != "hash":
        reader.warn_of(NATIVE + "hash", f"has no effect without {NATIVE}balance=hash; add that, or remove this")
    return Balancing(
        balance=balance,
        hash_key=key,
        max_concurrent=reader.optional(NATIVE + "max-concurrent", integer(0, 1_000_000), 0, "there is no limit"),
        max_queued=reader.optional(NATIVE + "max-queued", integer(0, 100_000), _DEFAULT.max_queued),
        queue_timeout=reader.optional(NATIVE + "queue-timeout", at_most(LONGEST_WAIT), _DEFAULT.queue_timeout),
        slow_start=reader.optional(NATIVE + "slow-start", at_most(LONGEST_START), 0.0),
        prefer_local=reader.optional(NATIVE + "prefer", prefer, False),
    )


def method(text: str) -> Balance:
    """A balancer's name, in any case. Raises LabelError."""
    found = _BALANCES.get(text.strip().lower())
    if found is None:
        raise LabelError(f"{shown(text)} is no way of balancing", remedy=f"write one of {', '.join(_BALANCES)}")
    return found


def hash_key(text: str) -> str:
    """What is hashed: "", "header:NAME" or "query:NAME"; "" is the client's address. Raises LabelError."""
    word = text.strip()
    if not _KEY.fullmatch(word):
        raise LabelError(f"{shown(text)} cannot be hashed", remedy="write address, header:NAME or query:NAME")
    kind, _, name = word.partition(":")
    return f"{kind.lower()}:{name}" if name else ""


def at_most(longest: float) -> Callable[[str], float]:
    """A parser for durations up to `longest` seconds."""

    def parse(text: str) -> float:
        seconds = duration(text)
        if seconds > longest:
            raise LabelError(f"{shown(text)} is too long", remedy=f"write at most {longest:.0f}s")
        return seconds

    return parse


def hold(text: str) -> float:
    """Seconds that a request may wait for a backend. Raises LabelError."""
    return at_most(LONGEST_WAIT)(text)


def prefer(text: str) -> bool:
    """True for "node", False for "none". Raises LabelError."""
    word = text.strip().lower()
    if word not in ("node", "none"):
        raise LabelError(f"{shown(text)} cannot be preferred", remedy="write node or none")
    return word == "node"
