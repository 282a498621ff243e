from __future__ import annotations

import click
import pytest

from faststicky.address import Address
from faststicky.cli.parameters import ADDRESS, DURATION, NETWORK, PSEUDONYM, SIZE, WORKERS, AddressType


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (DURATION, "250ms", 0.25),
        (SIZE, "64k", 65536),
        (ADDRESS, "[::1]:80", Address("::1", 80)),
        (AddressType("off"), "off", "off"),
        (WORKERS, "auto", 0),
        (WORKERS, "3", 3),
        (NETWORK, "10.0.0.0/8", "10.0.0.0/8"),
        (NETWORK, "10.0.0.5/8", "10.0.0.5/8"),
        (NETWORK, "fd00::/8", "fd00::/8"),
        (NETWORK, "127.0.0.1", "127.0.0.1"),
        (PSEUDONYM, "edge-1", "edge-1"),
        (PSEUDONYM, "", ""),
    ],
)
def test_values(kind, text, value):
    assert kind.convert(text, None, None) == value


@pytest.mark.parametrize("value", [0.25, 3, Address("::1", 1)])
def test_a_value_that_is_one_already_stays(value):
    kind = {float: DURATION, int: SIZE, Address: ADDRESS}[type(value)]
    assert kind.convert(value, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text", "hint"),
    [
        (DURATION, "soon", "write it as 10s"),
        (SIZE, "big", "write it as 8192"),
        (ADDRESS, "80", "write it as 0.0.0.0:80"),
        (ADDRESS, "off", "write it as 0.0.0.0:80"),
        (WORKERS, "0", "give auto or 1 to 1024"),
        (WORKERS, "1025", "give auto or 1 to 1024"),
        (NETWORK, "10.0.0.0/33", "write it as 10.0.0.0/8"),
        (NETWORK, "example.com", "write it as 10.0.0.0/8"),
        (PSEUDONYM, "a b", "letters, digits"),
        (PSEUDONYM, "a\r\nX: y", "letters, digits"),
    ],
)
def test_errors_show_the_value_and_how_to_write_it(kind, text, hint):
    with pytest.raises(click.BadParameter, match=hint) as caught:
        kind.convert(text, None, None)
    assert repr(text) in caught.value.message
