"""The shapes that dialects fill: what applies when nothing is said."""

from __future__ import annotations

from faststicky.labels.reading import LabelDefaults, Reading


def test_what_nobody_said_is_traefiks_default():
    assert LabelDefaults() == LabelDefaults(exposed_by_default=True, network="", domain="")
    said_by = {"network_label": "a", "sticky_label": "b", "cookie_label": "c"}
    reading = Reading(service="web", dialect="native", port=80, cookie=None, **said_by)
    assert (reading.network, reading.weight, reading.pass_host_header, reading.foreign_cookies) == ("", 1, True, "")
