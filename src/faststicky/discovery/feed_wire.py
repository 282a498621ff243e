"""What one faststicky says to another that follows it, and how each proves that it knows the shared key.

    GET /feed?after=DIGEST        of what the follower has; empty if it has nothing
    Authorization: Faststicky key=ID,challenge=C,nonce=N,mac=M
    200   a Feed as JSON, at once if it is not what the follower has, otherwise as soon as it changes
    204   nothing has changed for a while
    401   no challenge, or one that is not (or no longer) valid; the answer has one
    403   another key
    503   this one has nothing to tell: no table yet, stopping, or a follower itself

Every answer has a new challenge in Faststicky-Challenge, those to who proved the key a Faststicky-Mac as well. The
follower's mac is over the server's challenge, which is good for one request, so that a request cannot be sent again by
somebody who saw it; the server's is over the follower's nonce and the answer, so that an answer cannot be either. All
macs are HMAC-SHA256. Nothing is encrypted: what is told are names, addresses and routes; the cluster's ID, from which
cookie keys may be derived, is left out.
"""

from __future__ import annotations

import hashlib
import hmac
import re

import msgspec

from faststicky.model import Snapshot

VERSION = 1
PATH = "/feed"
SCHEME = "Faststicky"
CHALLENGE, MAC = "Faststicky-Challenge", "Faststicky-Mac"
LARGEST = 64 * 1024 * 1024  # bytes of a body
WAIT = 3.0  # seconds after which nothing new is an answer too: a follower notices that long after that its peer is gone

_FIELD = re.compile(r"([a-z]+)=([A-Za-z0-9_.:-]{0,200})")


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer. A change that old followers would misread gets a new version."""

    version: int
    snapshot: Snapshot


class _Header(msgspec.Struct):
    version: int = 0


class FeedKey:
    """One key. `ident` names it without telling anything of it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.ident = self._mac("id")[:16]

    def of_request(self, challenge: str, nonce: str, after: str) -> str:
        """The follower's mac."""
        return self._mac("request", challenge, nonce, after)

    def of_answer(self, nonce: str, status: int, challenge: str, body: bytes) -> str:
        """The server's mac. nonce: the follower's; challenge: the one that goes with the answer."""
        return self._mac("answer", nonce, str(status), challenge, hashlib.sha256(body).hexdigest())

    def _mac(self, *parts: str) -> str:
        message = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.new(self._key, message, "sha256").hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two macs are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def authorization(key: FeedKey, challenge: str, nonce: str, after: str) -> str:
    """The field's value."""
    mac = key.of_request(challenge, nonce, after)
    return f"{SCHEME} key={key.ident},challenge={challenge},nonce={nonce},mac={mac}"


def read_authorization(value: str) -> dict[str, str]:
    """key, challenge, nonce and mac; an empty dictionary if any is missing."""
    scheme, _, rest = value.partition(" ")
    found = {match[1]: match[2] for part in rest.split(",") if (match := _FIELD.fullmatch(part.strip()))}
    complete = scheme == SCHEME and {"key", "challenge", "nonce", "mac"} <= found.keys()
    return found if complete else {}


def encode(snapshot: Snapshot) -> bytes:
    """A body. Health checks are left out: what they found is in the states, and nobody else shall check again. So is
    what is ours alone."""
    services = tuple(msgspec.structs.replace(service, health=None) for service in snapshot.services)
    told = msgspec.structs.replace(snapshot, services=services, cluster_id="", local_node="")
    return msgspec.json.encode(Feed(version=VERSION, snapshot=told))


def decode(body: bytes) -> Snapshot:
    """Raises ValueError with a sentence for people."""
    try:
        version = msgspec.json.decode(body, type=_Header).version
        if version != VERSION:
            raise ValueError(
                f"it speaks version {version} of the feed, not {VERSION}; run the same faststicky everywhere"
            )
        return msgspec.json.decode(body, type=Feed).snapshot
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"its answer is not understood ({error}); run the same faststicky everywhere") from None


def digest(body: bytes) -> str:
    """What `after` says."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()
