from __future__ import annotations

import msgspec
import pytest

from faststicky.bench.plan import Plan, Target
from faststicky.errors import ConfigError
from unit.bench.builders import TARGET


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://127.0.0.1:81/a?b=c", ("127.0.0.1", 81, "127.0.0.1:81", "/a?b=c", False)),
        ("127.0.0.1:81", ("127.0.0.1", 81, "127.0.0.1:81", "/", False)),
        ("https://127.0.0.1", ("127.0.0.1", 443, "127.0.0.1", "/", True)),
        ("ws://[::1]:81/x", ("::1", 81, "[::1]:81", "/x", False)),
    ],
)
def test_urls(url, found):
    target = Target.parse(url)
    assert (target.host, target.port, target.authority, target.path, target.tls) == found


@pytest.mark.parametrize("url", ["", "ftp://a/", "http://", "http://a:x/", "http://u:p@127.0.0.1/", "127.0.0.1/a b"])
def test_urls_that_are_none(url):
    with pytest.raises(ConfigError):
        Target.parse(url)


def test_shares_add_up():
    plan = Plan(target=TARGET, connections=10, sessions=7, requests=100, rate=90.0)
    shares = [plan.share(i, 3) for i in range(3)]
    for name in ("connections", "sessions", "requests", "rate"):
        assert sum(getattr(share, name) for share in shares) == pytest.approx(getattr(plan, name))
    assert [share.phase for share in shares] == pytest.approx([0, 1 / 90, 2 / 90])  # in turn, not all at once


def test_it_goes_through_json():
    plan = Plan(target=TARGET, body=b"\x00\xff", headers=(("A", "b"),))
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


def test_cookies_that_were_given_are_what_jars_begin_with():
    plan = Plan(target=TARGET, headers=(("Cookie", "a=1"), ("cookie", "b=2")), paths=("/1", "/2"))
    assert plan.cookies() == b"a=1; b=2"
    assert len(plan.request_list()) == 2
