from __future__ import annotations

from unit.observe.samples import sample, service, task


def test_the_time_between_two_samples():
    before = sample(service("", millis=(5,)), service("web", task("1", 4), millis=(5,)), at=10.0)
    now = sample(
        service("", millis=(5, 7, 9)),
        service("web", task("1", 6), task("2", 1), millis=(5, 7)),
        service("api", task("3", 2), millis=(9,)),
        at=12.5,
    )
    part = now.since(before)
    assert (part.seconds, part.whole.numbers.requests) == (2.5, 2)
    assert part.services["web"].numbers.requests == 1
    assert part.services["web"].first_byte.count == 1
    assert {ident: each.numbers.requests for ident, each in part.services["web"].tasks.items()} == {"1": 2, "2": 1}
    assert part.services["api"].tasks["3"].numbers.requests == 2


def test_what_is_the_same_object_has_counted_nothing():
    web = service("web", task("1", 4, in_flight=2, registers=[b"x"]), millis=(5,), outcomes={"hit": 1}, in_flight=1)
    part = sample(service("", millis=(5,)), web, at=12.0).since(sample(service(""), web, at=10.0)).services["web"]
    assert (part.numbers.requests, part.numbers.outcomes, part.numbers.in_flight) == (0, {}, 1)
    assert part.first_byte.count == part.total.count == 0
    assert (part.tasks["1"].name, part.tasks["1"].numbers.requests) == ("web.1@node1", 0)
    assert (part.tasks["1"].numbers.in_flight, part.tasks["1"].numbers.registers) == (2, [b"x"])
