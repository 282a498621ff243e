"""While a service is updated sessions go to backends that the update has done; these are kept level and do not drown."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from faststicky.model import TableSpec
from relay.lab import GET, Backend, Lab, get, ok, service, table
from relay.peer import until
from relay.threaded import Threaded


def updated(done: Sequence[Backend], old: Sequence[Backend], generation: int = 1) -> TableSpec:
    """A sticky service of these, in the middle of an update."""
    specs = [*(each.spec() for each in done), *(msgspec.structs.replace(each.spec(), outdated=True) for each in old)]
    return table(service(specs), generation=generation)


class Counted:
    """Backends that answer by themselves, and how many sessions each was given."""

    def __init__(self, lab: Lab, count: int) -> None:
        self.served = [Threaded(lab.backend()) for _ in range(count)]
        self.backends = [each.backend for each in self.served]
        self.lab = lab

    def give(self, spec: TableSpec, sessions: int) -> list[int]:
        """How these new sessions are spread by a relay that is told to go on with this table."""
        before = [len(each.targets) for each in self.served]
        self.proxy.publish(spec)
        client = self.proxy.client()
        for _ in range(sessions):
            client.send(get())
            assert client.answer().status == 200
        client.close()
        return [len(each.targets) - old for each, old in zip(self.served, before, strict=True)]

    def __enter__(self) -> Counted:
        self.proxy = self.lab.proxy(table(service(self.backends)))
        return self

    def __exit__(self, *exc: object) -> None:
        self.proxy.close()
        for each in self.served:
            each.stop()


def test_each_backend_that_is_done_gets_as_many_sessions_as_those_before(lab: Lab) -> None:
    with Counted(lab, 4) as counted:
        a, b, c, d = counted.backends
        assert counted.give(updated([a], [b, c, d], 2), 12) == [12, 0, 0, 0]
        assert counted.give(updated([a, b], [c, d], 3), 12) == [0, 12, 0, 0]
        assert counted.give(updated([a, b, c], [d], 4), 18) == [2, 2, 14, 0]
        assert sum(counted.give(table(service([a, b, c, d]), generation=5), 8)) == 8
        # the next update begins with nothing
        assert counted.give(updated([a], [b, c, d], 6), 4) == [4, 0, 0, 0]
        assert counted.give(updated([a, d], [b, c], 7), 6) == [1, 0, 0, 5]


def test_a_backend_that_is_done_does_not_drown(lab: Lab) -> None:
    """With nobody answering, requests pile up: the others share what would be a crowd."""
    backends = [lab.backend() for _ in range(4)]
    proxy = lab.proxy(updated(backends[:1], backends[1:]))
    for _ in range(40):
        client = proxy.client()
        client.send(GET)
    until(lambda: proxy.live()["upstream_busy"] == 40, "all requests are under way")
    peers = []
    for backend in backends:
        backend.listener.settimeout(0)
        peers.append(0)
        try:
            while True:
                peer = backend.accept()
                peer.send(ok())
                peers[-1] += 1
        except BlockingIOError:
            pass
    assert sum(peers) == 40
    assert 20 <= peers[0] <= 28  # half of all, and a few
    assert min(peers[1:]) >= 3
