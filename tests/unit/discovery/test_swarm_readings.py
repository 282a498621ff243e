"""Labels are read once."""

from __future__ import annotations

from faststicky.discovery.swarm_readings import Readings
from faststicky.discovery.swarm_shapes import Service
from faststicky.labels.reading import LabelDefaults
from unit.discovery import engine as fake

LABELS = {"faststicky.port": "80", "faststicky.rule": "Host(`a`)"}


def service(labels, name="web"):
    return fake.decoded(fake.service(name, labels), Service)


def test_the_same_labels_give_the_same_reading():
    readings = Readings(LabelDefaults())
    first = readings.of(service(LABELS))
    readings.trim()
    assert readings.of(service(dict(LABELS))) is first
    assert readings.of(service({**LABELS, "faststicky.port": "81"}))[0].port == 81


def test_what_is_wrong_is_told_each_time():
    readings = Readings(LabelDefaults())
    for _ in range(2):
        reading, warnings = readings.of(service({**LABELS, "faststicky.port": "x"}))
        assert (reading, [w.label for w in warnings]) == (None, ["faststicky.port"])
        readings.trim()


def test_services_that_are_gone_are_forgotten():
    readings = Readings(LabelDefaults())
    first = readings.of(service(LABELS))
    readings.trim()
    readings.trim()
    assert readings.of(service(LABELS)) is not first


def test_middlewares_that_other_services_define():
    """Traefik's own service usually has them."""
    app = service(
        {
            "traefik.http.routers.a.rule": "Host(`a`)",
            "traefik.http.routers.a.middlewares": "sec@swarm",
            "traefik.http.services.a.loadbalancer.server.port": "80",
        }
    )
    traefik = service({"traefik.http.middlewares.sec.headers.stsseconds": "1"}, "traefik")
    readings = Readings(LabelDefaults())
    readings.know([app])
    assert readings.of(app)[0] is None
    readings.know([app, traefik])
    first = readings.of(app)
    assert [route.name for route in first[0].routes] == ["a@swarm"]
    readings.trim()
    readings.know([traefik, app])
    assert readings.of(app) is first
    readings.know([app])
    assert readings.of(app)[0] is None
