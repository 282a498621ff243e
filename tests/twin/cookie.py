"""The Cookie field (RFC 6265, sections 4.2 and 5.4): the oracle of faststicky.core._cookie. Choices:

* Only ";" separates cookies; a comma, a double quote or white space never does, and a ";" in double quotes does.
* A cookie is `name=value`; SP and HTAB around the name and around the value do not belong to them, nor does one pair of
  double quotes around the value. A piece without "=" is no cookie and has no name.
"""

from __future__ import annotations

_OWS = b" \t"


def _name(piece: bytes) -> bytes | None:
    name, equals, _ = piece.partition(b"=")
    return name.strip(_OWS) if equals else None


def find(value: bytes, name: bytes) -> bytes | None:
    """Value of the first cookie called `name`, None when there is none."""
    for piece in value.split(b";"):
        if _name(piece) == name:
            found = piece.partition(b"=")[2].strip(_OWS)
            quoted = len(found) >= 2 and found[:1] == found[-1:] == b'"'
            return found[1:-1] if quoted else found
    return None


def strip(value: bytes, name: bytes) -> bytes:
    """`value` without any cookie called `name`; unchanged when there is none.

    Otherwise the pieces that are left stay byte for byte, joined by the ";" that separated them, without white space at
    either end of the whole; b"" when only separators and white space are left.
    """
    pieces = value.split(b";")
    left = [piece for piece in pieces if _name(piece) != name]
    if len(left) == len(pieces):
        return value
    if not any(piece.strip(_OWS) for piece in left):
        return b""
    return b";".join(left).strip(_OWS)
