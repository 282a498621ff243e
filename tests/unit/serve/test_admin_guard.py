from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from faststicky.errors import ConfigError
from faststicky.serve.admin_guard import is_allowed_host, is_local, read_token, refusal

TOKEN = "a-secret-of-many-characters"


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("192.168.0.100:9090", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("Proxy.Example:1", True),
        ("proxy.example.", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("proxy.example.evil", False),
        ("", False),
        ("[evil]", False),
    ],
)
def test_hosts(host, allowed):
    assert is_allowed_host(host, ["proxy.example"]) is allowed


@pytest.mark.parametrize(
    ("address", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False),
     ("::ffff:10.0.0.1", False), ("", False), (None, False)],
)  # fmt: skip
def test_local_addresses(address, local):
    assert is_local(address) is local


def asked(remote: str = "127.0.0.1", **fields: str):
    headers = {"Host": "127.0.0.1:8080", **{name.replace("_", "-"): value for name, value in fields.items()}}
    return make_mocked_request("POST", "/", headers=headers).clone(remote=remote)


@pytest.mark.parametrize(
    ("request_", "token", "status"),
    [
        (asked(), "", None),
        (asked(Origin="http://127.0.0.1:8080", Sec_Fetch_Site="same-origin"), "", None),
        (asked("10.0.0.1"), "", 403),
        (asked(X_Forwarded_For="10.0.0.1"), "", 403),
        (asked(Via="1.1 nginx"), "", 403),
        (asked(Origin="http://evil.example"), "", 403),
        (asked(Origin="null"), "", 403),
        (asked(Sec_Fetch_Site="cross-site"), "", 403),
        (asked(Sec_Fetch_Site="same-site"), "", 403),
        (asked(), TOKEN, 401),
        (asked(Authorization=f"Bearer {TOKEN}x"), TOKEN, 401),
        (asked(Authorization=TOKEN), TOKEN, 401),
        (asked(Authorization="Bearer \xe4"), TOKEN, 401),
        (asked("10.0.0.1", Authorization=f"Bearer {TOKEN}"), TOKEN, None),
        (asked("10.0.0.1", X_Forwarded_For="1.2.3.4", Authorization=f"Bearer {TOKEN}"), TOKEN, None),
        (asked(Origin="http://evil.example", Authorization=f"Bearer {TOKEN}"), TOKEN, 403),
    ],
)
def test_who_may_change_something(request_, token, status):
    refused = refusal(request_, token)
    assert (refused and refused[0]) == status


def test_tokens(tmp_path):
    path = tmp_path / "token"
    assert read_token("") == ""
    path.write_text(f"{TOKEN}\n")
    assert read_token(str(path)) == TOKEN
    for bad in ("", "short", "with a space in the midst"):
        path.write_text(bad)
        with pytest.raises(ConfigError, match=r"--admin-token-file: .* has no usable token; write a secret there"):
            read_token(str(path))
    path.write_bytes(b"\xff" * 20)
    with pytest.raises(ConfigError, match="cannot read"):
        read_token(str(path))
    with pytest.raises(ConfigError, match="cannot read"):
        read_token(str(tmp_path / "none"))
