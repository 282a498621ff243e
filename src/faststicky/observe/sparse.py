"""Sparse counts as short text for a log line: base64url without padding of LEB128 numbers.

Two numbers for each place that is not zero: how far it is from the one before (the first: from -1), less one, and its
value. Before them the version of the scheme ("1") and a dot; nothing at all is "1.".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

SCHEME = "1"


def encode(values: Mapping[int, int]) -> str:
    """values: by place; none negative."""
    data, last = bytearray(), -1
    for place in sorted(values):
        if values[place]:
            data += _leb128(place - last - 1)
            data += _leb128(values[place])
            last = place
    return f"{SCHEME}.{base64.urlsafe_b64encode(data).decode().rstrip('=')}"


def decode(text: str, places: int) -> dict[int, int]:
    """The other way. Raises ValueError for what `encode` did not write with places below `places`."""
    scheme, dot, body = text.partition(".")
    if scheme != SCHEME or not dot:
        raise ValueError(f"counts of unknown scheme {scheme[:8]!r}; this faststicky reads {SCHEME!r}")
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"counts are not base64url: {error}") from None
    numbers = list(_numbers(data))
    if len(numbers) % 2:
        raise ValueError("counts end in the middle of a place")
    values, place = {}, -1
    for step, value in zip(numbers[::2], numbers[1::2], strict=True):
        place += step + 1
        if place >= places or not value:
            raise ValueError(f"counts have no place {place} with value {value}")
        values[place] = value
    return values


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:
            raise ValueError("counts have a number of more than 64 bits")
        if byte < 0x80:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("counts end in the middle of a number")
