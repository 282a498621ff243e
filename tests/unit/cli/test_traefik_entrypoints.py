from __future__ import annotations

import pytest

from faststicky.cli.traefik_entrypoints import EntryPoint, parse_v1


@pytest.mark.parametrize(
    ("text", "point", "ignored"),
    [
        ("Name:http Address::80", EntryPoint("http", ":80"), []),
        ("name:web address:10.0.0.1:8080", EntryPoint("web", "10.0.0.1:8080"), []),
        ("Name:https Address::443 TLS", EntryPoint("https", ":443", tls=True), []),
        ("Name:https Address::443 TLS:a.crt,a.key TLS.SniStrict:true", EntryPoint("https", ":443", tls=True), []),
        ("Name:http Address::80 Redirect.EntryPoint:https", EntryPoint("http", ":80"), ["redirect.entrypoint"]),
        ("Name:http Address::80 Compress:true", EntryPoint("http", ":80"), ["compress"]),
        ("Name:a Address::1 ForwardedHeaders.Insecure:true", EntryPoint("a", ":1", trust_all=True), []),
        ("Name:a Address::1 ForwardedHeaders.Insecure", EntryPoint("a", ":1", trust_all=True), []),
        (
            "Name:a Address::1 ForwardedHeaders.TrustedIPs:10.0.0.0/8,fd00::/8",
            EntryPoint("a", ":1", trusted=("10.0.0.0/8", "fd00::/8")),
            [],
        ),
    ],
)
def test_version_1(text, point, ignored):
    assert parse_v1(text) == (point, ignored)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no entry point"),
        ("Name:http", "names no entry point"),
        ("Address::80", "names no entry point"),
        ("Name:http Address::80 Colour:red", "'colour' is not an option"),
        ("Name:http Address::80 WhiteList.SourceRange:10.0.0.0/8", "restricts access"),
        ("Name:http Address::80 Auth.Basic.Users:a:b", "restricts access"),
    ],
)
def test_what_cannot_be_understood_or_honoured(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_v1(text)
