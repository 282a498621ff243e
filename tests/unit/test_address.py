from __future__ import annotations

import pytest

from faststicky.address import Address
from faststicky.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:80", "0.0.0.0", 80),
        (":8080", "0.0.0.0", 8080),
        ("*:1", "0.0.0.0", 1),
        ("localhost:0", "127.0.0.1", 0),
        ("[::]:80", "::", 80),
        ("[::1]:65535", "::1", 65535),
        (" 127.0.0.1:9 ", "127.0.0.1", 9),
    ],
)
def test_addresses(text, host, port):
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert Address.parse(str(address)) == address
    assert address.version == (6 if ":" in host else 4)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("80", "not an address with a port"),
        ("", "not an address with a port"),
        ("127.0.0.1:", "not an address with a port"),
        ("127.0.0.1:http", "not an address with a port"),
        ("127.0.0.1:65536", "above 65535"),
        ("::1:80", "not in brackets"),
        ("[::1:80", "not in brackets"),
        ("[127.0.0.1]:80", "only an IPv6 address"),
        ("example.com:80", "not an IP address"),
        ("999.0.0.1:80", "not an IP address"),
    ],
)
def test_errors_say_what_is_wrong_and_how_to_write_it(text, reason):
    with pytest.raises(ConfigError, match=f"--listen: .*{reason}.*write it as 0.0.0.0:80"):
        Address.parse(text, where="--listen")
