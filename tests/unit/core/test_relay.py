"""The relay's interface without traffic, and one exchange; everything else is in tests/relay."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from faststicky.core import Relay
from faststicky.core._stats import REGION_SIZE
from faststicky.model import Route, TableSpec
from faststicky.settings import RelayOptions
from relay.lab import GET, Backend, Lab, Loop, ok, service, table


@pytest.fixture
def loop() -> object:
    loop = Loop()
    yield loop
    loop.close()


def test_a_new_relay_holds_nothing(loop: Loop) -> None:
    relay = loop.call(Relay, loop.loop, RelayOptions())
    assert relay.generation == -1
    live = loop.call(relay.live)
    assert {name for name, number in live.items() if number} == {"memory_blocks", "memory_bytes"}
    assert 200_000 < live["memory_bytes"] < 300_000  # deadlines for the first connections, and the scratch for heads
    assert set(loop.call(relay.counters).values()) == {0}
    loop.call(relay.close)


def test_one_exchange_and_what_is_counted(loop: Loop) -> None:
    lab = Lab(loop)
    proxy = lab.proxy(lab.backend("b0"))
    with proxy.client() as client:
        client.send(GET)
        peer = lab.backends[0].accept()
        peer.request()
        assert proxy.live()["exchanges"] == 1
        peer.send(ok())
        assert client.answer().body == b"ok"
        proxy.becomes(clients=1, exchanges=0, upstream_idle=1, upstream_busy=0, tables=1, deadlines=2)
        counters = proxy.counters()
        assert (counters["connections"], counters["requests"], counters["answers_2xx"]) == (1, 1, 1)
        assert (counters["connects"], counters["sticky_new"], counters["bytes_in"]) == (1, 1, len(GET))
    lab.close()  # checks that everything returns to zero


def test_a_table_that_is_unsound_is_refused(loop: Loop) -> None:
    relay = loop.call(Relay, loop.loop, RelayOptions())
    nowhere = Route(name="r", rule="", service="nowhere", priority=1, alternatives=((),))
    with pytest.raises(ValueError, match="nowhere"):
        loop.call(relay.publish, TableSpec(generation=1, services=(), routes=(nowhere,)))
    assert relay.generation == -1
    loop.call(relay.close)


def test_a_region_that_is_too_short_is_refused(loop: Loop) -> None:
    """It would count behind its end."""
    with pytest.raises(ValueError, match=f"has {REGION_SIZE} bytes, not {REGION_SIZE - 1}"):
        loop.call(lambda: Relay(loop.loop, RelayOptions(), region=bytearray(REGION_SIZE - 1)))


def test_a_closed_relay_takes_nobody(loop: Loop) -> None:
    lab = Lab(loop)
    proxy = lab.proxy(None)
    lab.call(proxy.relay.close)
    with proxy.client() as client:
        assert client.rest() == b""
    lab.close()


def test_it_works_on_any_loop_that_it_is_given() -> None:
    """Nothing of it needs the thread that it was made in, only the loop."""

    async def run() -> int:
        relay = Relay(asyncio.get_running_loop(), RelayOptions())
        backend = Backend("b0")
        relay.publish(table(service([backend])))
        generation = relay.generation
        backend.close()
        relay.close()
        return generation

    assert uvloop.run(run()) == 1
