"""The key of the stickiness cookies, and the tokens made with it.

Where the key comes from, the first that is there:

1. the file given by `--key-file`, else the Docker secret `faststicky_key` (and the file beside it whose name ends with
   `_previous`: its tokens are still accepted after a change);
2. the Swarm's cluster ID, so that every proxy of the Swarm agrees without shared state. Who may read that ID (anybody
   with access to a manager's API) could make tokens, and with them choose a backend: no more than that;
3. 32 random bytes, kept in the state directory; lost with it, and every user then moves once.

None is used as it is: each is put through HKDF-SHA256 (RFC 5869) with a context of its own.

A token is HMAC-SHA256 over purpose, service and identity, cut to 9 bytes (72 bits: guessing one of 1,000 takes
2^61 requests on average) and written as 12 characters of base64url. Tokens are computed when a table is sealed, never
in a request.
"""

from __future__ import annotations

import base64
import hmac
import logging
import secrets
from pathlib import Path
from typing import Literal

from faststicky.control.private_file import write_private
from faststicky.errors import ConfigError

log = logging.getLogger("faststicky.control")

SECRETS = Path("/run/secrets")
SECRET_NAME = "faststicky_key"  # noqa: S105
SHORTEST_SECRET = 16  # bytes
LONGEST_SECRET = 65536
_REMEDY = "mend --state-dir, or give all proxies one key with --key-file"
_SALT = b"faststicky cookie key v1"

Purpose = Literal["task", "slot"]
Origin = Literal["secret", "cluster", "state", "memory"]


class Key:
    """One key and the tokens that the last table had, so that an unchanged table costs no HMAC."""

    def __init__(self, material: bytes, context: Origin) -> None:
        """material: of any length and distribution. context: what kind of material, so that kinds never coincide."""
        info = ("cluster" if context == "cluster" else "secret").encode()
        self._key = _hkdf(material, info)
        self._kept: dict[tuple[Purpose, str, str], str] = {}
        self._used: dict[tuple[Purpose, str, str], str] = {}
        self.computed = 0  # tokens computed so far

    def token(self, purpose: Purpose, service: str, identity: str) -> str:
        """12 characters of base64url. The same for the same arguments and key, everywhere."""
        what = (purpose, service, identity)
        token = self._used.get(what) or self._kept.get(what) or self._compute(what)
        self._used[what] = token
        return token

    @property
    def remembered(self) -> int:
        """Tokens that need not be computed again."""
        return len(self._kept) + len(self._used)

    def trim(self) -> None:
        """Forget the tokens that were not asked for since the last call."""
        self._kept, self._used = self._used, {}

    def _compute(self, what: tuple[Purpose, str, str]) -> str:
        self.computed += 1
        message = b"".join(len(part).to_bytes(4, "big") + part for part in (text.encode() for text in what))
        digest = hmac.digest(self._key, message, "sha256")
        return base64.urlsafe_b64encode(digest[:9]).decode("ascii")


class Keyring:
    """The key that new cookies are made with, and one that old cookies may have been made with."""

    def __init__(self, current: Key, previous: Key | None = None, origin: Origin = "memory") -> None:
        self.current = current
        self.previous = previous
        self.origin = origin

    @property
    def remembered(self) -> int:
        """Tokens of the current key that are kept for tables to come."""
        return self.current.remembered

    def trim(self) -> None:
        """Forget the tokens that the table just sealed did not need."""
        self.current.trim()
        if self.previous is not None:
            self.previous.trim()


def load(cluster_id: str, state_dir: Path | None, secrets_dir: Path = SECRETS, key_file: Path | None = None) -> Keyring:
    """The keyring of this proxy. Raises ConfigError if there is a secret that cannot be used.

    cluster_id: the Swarm's ID, "" outside of one. state_dir: None when there is none. key_file: in place of the secret.
    """
    secret, former = _shared(secrets_dir, key_file)
    previous = Key(former, "secret") if former is not None else None
    if secret is not None:
        return Keyring(Key(secret, "secret"), previous, "secret")
    if cluster_id:
        return Keyring(Key(cluster_id.encode(), "cluster"), previous, "cluster")
    material, origin = _local_key(state_dir)
    return Keyring(Key(material, origin), previous, origin)


def feed_keys(key_file: Path | None = None, secrets_dir: Path = SECRETS) -> tuple[bytes, ...]:
    """Keys for what proxies say to each other (discovery/feed_wire.py), 32 bytes each, the current one first.

    Empty when they share no secret. Raises ConfigError as `load`.
    """
    return tuple(_hkdf(secret, b"feed") for secret in _shared(secrets_dir, key_file) if secret is not None)


def _shared(secrets_dir: Path, key_file: Path | None) -> tuple[bytes | None, bytes | None]:
    """The current secret and the previous one."""
    path = key_file or secrets_dir / SECRET_NAME
    secret = _read_secret(path)
    if secret is None and key_file is not None:
        remedy = "make it: openssl rand -base64 32, the same for every proxy"
        raise ConfigError("there is no such file", where=f"--key-file {path}", remedy=remedy)
    return secret, _read_secret(path.with_name(f"{path.name}_previous"))


def _read_secret(path: Path) -> bytes | None:
    """Content of a secret without white space at its end (an editor's newline); None when there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_SECRET + 1).rstrip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), remedy="mend its mode") from None
    if not SHORTEST_SECRET <= len(content) <= LONGEST_SECRET:
        remedy = f"make it anew: openssl rand -base64 32 | docker secret create {path.name} -"
        raise ConfigError(
            f"has {len(content)} bytes, not {SHORTEST_SECRET} to {LONGEST_SECRET}", where=str(path), remedy=remedy
        )
    return content


def _local_key(state_dir: Path | None) -> tuple[bytes, Origin]:
    """A key of this proxy alone, kept where that is possible."""
    fresh = secrets.token_bytes(32)
    if state_dir is None:
        return fresh, "memory"
    path = state_dir / "cookie.key"
    try:
        with path.open("rb") as file:
            content = file.read(33)
        if len(content) == 32:
            return content, "state"
        log.warning("%s has %d bytes, not 32; a new cookie key is made, every user moves once", path, len(content))
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning("%s cannot be read (%s): the cookie key ends with this process; %s", path, error.strerror, _REMEDY)
        return fresh, "memory"
    try:
        write_private(path, fresh)
    except OSError as error:
        why = error.strerror or error
        log.warning("%s cannot be written (%s): the cookie key ends with this process; %s", path, why, _REMEDY)
        return fresh, "memory"
    return fresh, "state"


def _hkdf(material: bytes, info: bytes) -> bytes:
    """HKDF-SHA256, one block of 32 bytes (RFC 5869, sections 2.2 and 2.3)."""
    pseudo_random = hmac.digest(_SALT, material, "sha256")
    return hmac.digest(pseudo_random, info + b"\x01", "sha256")
