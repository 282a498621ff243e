from __future__ import annotations

from faststicky.check.declared import Declared, is_same_network


def test_networks():
    assert is_same_network("shop_apps", "shop_apps")
    assert not is_same_network("shop_apps", "apps")
    assert not is_same_network("shop_apps", "other_apps")


def test_networks_of_a_stack_without_a_name():
    service = Declared(name="web", networks=("STACK_apps", "edge"))
    assert [service.is_on(name) for name in ("shop_apps", "STACK_apps", "edge")] == [True, True, True]
    assert [service.is_on(name) for name in ("apps", "shop_back", "shop_edge", "")] == [False, False, False, False]
