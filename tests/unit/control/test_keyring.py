"""Keys, where they come from, and the tokens made with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.control import keyring
from faststicky.control.keyring import Key, feed_keys, load
from faststicky.errors import ConfigError

SECRET = b"0123456789abcdef0123456789abcdef"


def test_a_token_is_what_the_documentation_says():
    material = b"m" * 32
    prk = hmac.new(b"faststicky cookie key v1", material, hashlib.sha256).digest()
    key = hmac.new(prk, b"secret\x01", hashlib.sha256).digest()
    message = b"\0\0\0\x04task\0\0\0\x03web\0\0\0\x02t1"
    expected = base64.urlsafe_b64encode(hmac.new(key, message, hashlib.sha256).digest()[:9]).decode()
    assert Key(material, "secret").token("task", "web", "t1") == expected


def test_hkdf_of_the_rfc():
    """RFC 5869, appendix A.1, as far as one block goes: the same extract and expand with its salt and info."""
    ikm, salt, info = b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA))
    original, keyring._SALT = keyring._SALT, salt
    try:
        okm = keyring._hkdf(ikm, info)
    finally:
        keyring._SALT = original
    assert okm.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"


_parts = st.tuples(st.sampled_from(["task", "slot"]), st.text(max_size=8), st.text(max_size=8))


@given(_parts, _parts)
def test_different_things_have_different_tokens(a, b):
    key = Key(SECRET, "secret")
    token = key.token(*a)
    assert re.fullmatch(r"[A-Za-z0-9_-]{12}", token)
    assert (token == key.token(*b)) == (a == b)


def test_kinds_of_material_do_not_coincide():
    assert Key(SECRET, "secret").token("task", "a", "b") != Key(SECRET, "cluster").token("task", "a", "b")


def test_tokens_are_computed_once_and_forgotten_when_unused():
    key = Key(SECRET, "secret")
    for _ in range(3):
        key.token("task", "web", "a")
        key.token("task", "web", "b")
        key.trim()
    assert key.computed == 2
    for _ in range(2):
        key.token("task", "web", "a")
        key.trim()
    key.token("task", "web", "b")
    assert key.computed == 3


def write(directory, name, content):
    directory.mkdir(exist_ok=True)
    (directory / name).write_bytes(content)


def test_the_secret_comes_first(tmp_path):
    secrets = tmp_path / "secrets"
    write(secrets, "faststicky_key", SECRET + b"\n")
    ring = load("cluster", tmp_path / "state", secrets)
    assert (ring.origin, ring.previous) == ("secret", None)
    assert ring.current.token("task", "a", "b") == Key(SECRET, "secret").token("task", "a", "b")
    assert not (tmp_path / "state").exists()
    write(secrets, "faststicky_key_previous", b"p" * 16)
    ring = load("cluster", None, secrets)
    assert ring.previous is not None
    assert ring.previous.token("task", "a", "b") == Key(b"p" * 16, "secret").token("task", "a", "b")


def test_the_cluster_comes_second_and_is_the_same_everywhere(tmp_path):
    one, other = load("cluster", tmp_path, tmp_path), load("cluster", None, tmp_path)
    assert one.origin == "cluster"
    assert one.current.token("slot", "a", "b") == other.current.token("slot", "a", "b")
    assert one.current.token("slot", "a", "b") != load("cluster2", None, tmp_path).current.token("slot", "a", "b")
    assert list(tmp_path.iterdir()) == []


def test_else_a_key_is_kept_in_the_state_directory(tmp_path):
    state = tmp_path / "state"
    first, second = load("", state, tmp_path), load("", state, tmp_path)
    assert (first.origin, second.origin) == ("state", "state")
    assert first.current.token("task", "a", "b") == second.current.token("task", "a", "b")
    assert (state / "cookie.key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_replaced_with_a_warning(tmp_path, caplog):
    (tmp_path / "cookie.key").write_bytes(b"short")
    with caplog.at_level(logging.WARNING):
        assert load("", tmp_path, tmp_path).origin == "state"
    assert "every user moves once" in caplog.text
    assert len((tmp_path / "cookie.key").read_bytes()) == 32


def test_without_a_place_the_key_ends_with_the_process(tmp_path, caplog):
    assert load("", None, tmp_path).origin == "memory"
    (tmp_path / "file").write_text("not a directory")
    with caplog.at_level(logging.WARNING):
        assert load("", tmp_path / "file", tmp_path).origin == "memory"
    assert "cookie key" in caplog.text


@pytest.mark.parametrize("content", [b"", b"short\n", b"x" * 70000])
@pytest.mark.parametrize("name", ["faststicky_key", "faststicky_key_previous"])
def test_a_useless_secret_is_an_error(tmp_path, name, content):
    write(tmp_path, name, content)
    with pytest.raises(ConfigError, match="bytes") as caught:
        load("cluster", None, tmp_path)
    assert name in caught.value.where
    assert "docker secret create" in caught.value.remedy


def test_an_unreadable_secret_is_an_error(tmp_path):
    (tmp_path / "faststicky_key").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load("cluster", None, tmp_path)


def test_a_key_file_is_used_in_place_of_the_secret(tmp_path):
    (tmp_path / "faststicky_key").write_bytes(b"s" * 32)
    file = tmp_path / "key"
    with pytest.raises(ConfigError, match=r"--key-file .*/key: there is no such file; make it"):
        load("c", None, tmp_path, file)
    file.write_bytes(SECRET + b"\n")
    (tmp_path / "key_previous").write_bytes(b"p" * 32)
    ring = load("c", None, tmp_path, file)
    assert ring.origin == "secret"
    assert ring.current.token("task", "web", "t") == Key(SECRET, "secret").token("task", "web", "t")
    assert ring.previous is not None
    assert ring.previous.token("task", "web", "t") == Key(b"p" * 32, "secret").token("task", "web", "t")


def test_keys_of_the_feed_are_their_own(tmp_path):
    assert feed_keys(None, tmp_path) == ()
    (tmp_path / "faststicky_key").write_bytes(SECRET)
    (current,) = feed_keys(None, tmp_path)
    prk = hmac.new(b"faststicky cookie key v1", SECRET, hashlib.sha256).digest()
    assert current == hmac.new(prk, b"feed\x01", hashlib.sha256).digest()
    (tmp_path / "faststicky_key_previous").write_bytes(b"p" * 32)
    assert feed_keys(None, tmp_path)[0] == current
    assert len(set(feed_keys(None, tmp_path))) == 2


def test_what_is_remembered():
    key = Key(b"k" * 16, "secret")
    ring = keyring.Keyring(key)
    for ident in ("a", "b"):
        key.token("task", "web", ident)
    assert ring.remembered == 2
    ring.trim()
    key.token("task", "web", "a")
    ring.trim()
    assert (ring.remembered, key.computed) == (1, 2)
