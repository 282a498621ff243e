"""Cookie names (with Traefik's own as vectors) and attributes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faststicky.errors import LabelError
from faststicky.labels import cookies
from faststicky.labels.values import LabelReader
from faststicky.model import CookiePolicy


@pytest.mark.parametrize(
    ("backend", "name"),
    [
        ("backend-whoami-service", "_a49bc"),  # the tutorial's transcript
        ("backend", "_76eb3"),  # Traefik's unit tests
        ("/my/BACKEND-v1.0~rc1", "_5f7bc"),
        ("backend-stack-web", "_1cda8"),
        ("stack-web@docker", "_82e56"),
        ("stack-web@swarm", "_493a4"),
        ("w@swarm", "_c68db"),  # seen from Traefik 3.7
    ],
)
def test_traefik_default_name(backend, name):
    assert cookies.traefik_default_name(backend) == name


def test_traefik_clean_name():
    assert cookies.traefik_clean_name("a b;c=d/é~|") == "a_b_c_d__~|"
    assert cookies.traefik_clean_name("!#$%&'*+-.^`|~_") == "!#$%&'*+-.^`|~_"


@given(st.text(min_size=1, max_size=30))
def test_made_names_are_cookie_names(text):
    for name in (
        cookies.traefik_clean_name(text),
        cookies.native_default_name(text),
        cookies.traefik_default_name(text),
    ):
        assert cookies.cookie_name(name) == name


def test_native_default_name():
    assert re.fullmatch("_fs_[0-9a-f]{6}", cookies.native_default_name("web"))
    assert cookies.native_default_name("web") != cookies.native_default_name("api")


@given(st.text(max_size=40))
def test_attributes_cannot_break_out_of_the_header(text):
    for parse in (cookies.cookie_name, cookies.cookie_path, cookies.cookie_domain):
        try:
            value = parse(text)
        except LabelError:
            continue
        assert re.fullmatch(r"[\x20-\x3a\x3c-\x7e]+", value)


def test_attributes():
    assert cookies.cookie_path("/app") == "/app"
    assert cookies.cookie_domain(".Example.COM") == "example.com"
    assert cookies.same_site("STRICT") == "Strict"
    assert cookies.max_age("1h") == 3600
    assert cookies.max_age("0") == 0


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (cookies.cookie_name, "a b"),
        (cookies.cookie_name, ""),
        (cookies.cookie_path, "app"),
        (cookies.cookie_path, "/a;b"),
        (cookies.cookie_path, "/" + "a" * 1024),
        (cookies.cookie_domain, "http://a"),
        (cookies.cookie_domain, "a..b"),
        (cookies.same_site, "maybe"),
        (cookies.max_age, "401d"),
        (cookies.max_age, "100ms"),
    ],
)
def test_wrong_attributes(parse, text):
    with pytest.raises(LabelError) as caught:
        parse(text)
    assert caught.value.remedy


@pytest.mark.parametrize(("secure", "warned"), [(None, 1), (False, 1), (True, 0)])
def test_same_site_none_needs_secure(secure, warned):
    reader = LabelReader("web", {"s": "none"})
    cookies.warn_if_browsers_refuse(CookiePolicy(name="a", same_site="None", secure=secure), reader, "s")
    assert len(reader.warnings) == warned
