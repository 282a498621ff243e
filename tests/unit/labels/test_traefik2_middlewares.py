"""What becomes of middlewares."""

from __future__ import annotations

import pytest

from faststicky.labels import traefik2_middlewares
from faststicky.labels.values import LabelReader

M = "traefik.http.middlewares."


def through(listed: str, defined: dict[str, str], **known: str):
    """known: of other services, "_" for a dot."""
    labels = {M + key: value for key, value in defined.items()}
    others = {M + key.replace("_", "."): value for key, value in known.items()}
    reader = LabelReader("web", {"traefik.http.routers.a.middlewares": listed, **labels}, fold=True)
    return traefik2_middlewares.of_label("traefik.http.routers.a.middlewares", reader, others)


def test_kinds():
    found = through("R@docker, c", {"r.redirectScheme.scheme": "https", "C.compress": "true"})
    assert found.kinds == (("r@docker", "redirectscheme"), ("c", "compress"))
    assert (found.problem, found.keeps_out, found.redirects) == (None, False, True)
    assert through("", {}).kinds == ()


def test_chains():
    loop = {"c.chain.middlewares": "d,c", "d.chain.middlewares": "c, m", "m.forwardauth.address": "u"}
    assert through("c", loop).kinds == (("m", "forwardauth"),)


@pytest.mark.parametrize(
    ("listed", "defined", "keeps_out", "says"),
    [
        ("m", {"m.basicauth.users": "u"}, True, "basicauth (m)"),
        ("m", {"m.stripprefix.prefixes": "/a"}, False, "serve the path as it is"),
        ("s,m", {"s.stripprefix.prefixes": "/a", "m.ipallowlist.sourcerange": "u"}, True, "ipallowlist (m)"),
        ("s,gone", {"s.stripprefix.prefixes": "/a"}, False, 'middleware "gone" is not defined'),
        ("m@file", {"m.compress": "true"}, False, 'middleware "m@file" is not defined'),
        ("m", {"m.basicauht.users": "u"}, False, "basicauht (m) is no middleware"),
        ("m", {"m.compress": "true", "m.ipallowlist.sourcerange": "u"}, True, "ipallowlist (m)"),
        ("m", {"m.headers.stsseconds": "1", "m.headers.allowedhosts": "a"}, False, None),
    ],
)
def test_what_a_router_is_left_out_for(listed, defined, keeps_out, says):
    found = through(listed, defined)
    assert found.keeps_out is keeps_out
    assert (found.problem is None) is (says is None)
    assert says is None or says in found.problem[0] + found.problem[1]


def test_definitions_at_other_services():
    assert through("m@swarm,n", {}, m_compress="true", n_basicauth_users="u").kinds == (
        ("m@swarm", "compress"),
        ("n", "basicauth"),
    )
    assert through("m", {"m.compress": "true"}, m_basicauth_users="u").keeps_out
    assert not through("m@file", {}, m_compress="true").kinds[0][1]


def test_definitions_are_collected_from_all_services():
    one = {M + "C.chain.middlewares": "a", "traefik.http.routers.a.rule": "Host(`a`)"}
    other = {(M + "c.Chain.Middlewares").upper(): "b", M + "d.compress": "true"}
    assert traefik2_middlewares.defined([one, other, {}]) == {
        M + "c.chain.middlewares": "a,b",
        M + "d.compress": "true",
    }


def test_chains_of_chains_are_followed_once_each():
    """Each names the next twice: 2 to the power of 2000 ways through them."""
    chains = {f"c{i}.chain.middlewares": f"c{i + 1},c{i + 1}" for i in range(2000)}
    assert through("c0", {**chains, "c2000.compress": "true"}).kinds == (("c2000", "compress"),)
