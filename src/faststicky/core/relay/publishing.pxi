"""A new table for the relay: built while the old one is in force, swapped in by one assignment, and what is gone put away.

Upstreams outlive tables: each backend that is new is given the upstream of the same ID and address, or a fresh one. An upstream
knows its users: the backends of the table in force, and of one that is being built. When the last of them has left, it is
retired. Users are chained without objects of their own; backend and upstream hold each other, which `release` ends.
"""

cdef enum:
    SETTLED = 16              # backends in one step
    LARGE = 1024              # backends of a service that is not freed at once
    FREED = 1024              # of them in one tick, at least


cdef str key_of(Backend backend):
    """ID and address; no tuple, which the collector of cycles would look at."""
    return f"{backend.id} {backend.host} {backend.port}"


@cython.final
cdef class RelayBuilder(TableBuilder):
    """Builds the next table of a relay and puts it in force: `publish` in place of `finish`, or else `abandon`."""

    cdef Relay relay

    def __init__(self, Relay relay not None, int64_t generation):
        TableBuilder.__init__(self, generation, relay.table)
        self.relay = relay

    cdef int attach(self, Service service, uint32_t at, Backend backend) except -1:
        cdef Relay relay = self.relay
        cdef Upstream upstream
        if relay.closed:
            raise ValueError("the relay is closed")
        key = key_of(backend)
        upstream = relay.upstreams.get(key)
        if upstream is None:
            upstream = Upstream.__new__(Upstream, relay, backend)
            relay.upstreams[key] = upstream
        backend.upstream = upstream
        upstream.add_user(backend)
        service.loads[at] = &upstream.load
        self.entering.append(backend)
        return 0

    def publish(self):
        """The last steps of the building, the swap, and what follows from it."""
        cdef Relay relay = self.relay
        yield from self.finish()
        if relay.closed or relay.table is not self.base:
            raise ValueError("another table came into force meanwhile, or the relay was closed")
        if self.base is None:
            self.clear_series()
        relay.table = self.table
        relay.generation = self.table.generation
        self.note_past()
        self.base = None
        entering, self.entering = self.entering, []  # they are in force: nothing that happens now can abandon them
        wake_parked(relay)
        yield
        for service in self.made.values():
            forget_dealt(<Service>service)
            yield
        yield from release_all(self.leaving)
        for at, backend in enumerate(entering):
            (<Upstream>(<Backend>backend).upstream).settle()
            if at % SETTLED == 0:
                yield

    def abandon(self):
        """Nothing comes of it: upstreams that were made for it are gone when the generator ends."""
        yield from release_all(self.entering)

    cdef int clear_series(self) except -1:
        """The worker's first table: what the worker before us had in flight ended with it."""
        cdef service_series_t *stats
        cdef uint32_t series
        if not self.relay.has_region:
            return 0
        for service in self.table.services:
            series = (<Service>service).series
            if series:
                stats = stats_service(self.relay.region.buf, series)
                stats.counters.in_flight = stats.counters.queued = 0
        return 0

    cdef int note_past(self) except -1:
        """Large services that are in force no longer, unless the new ones have most of their backends: see free_past."""
        cdef Service service
        if len(self.leaving) <= LARGE:
            return 0
        for each in self.base.services:
            service = <Service>each
            if service.count > LARGE and self.table.by_name.get(service.name) is not service:
                self.relay.past.append(service)
        return 0


cdef void forget_dealt(Service service) noexcept nogil:
    """Outside of an update nobody is dealt sessions: the next one begins at nothing."""
    cdef uint32_t at
    if not service.wishes & TRAIT_CURRENT:
        for at in range(service.count):
            service.loads[at].dealt = 0


def release_all(list backends):
    """They are used by no table any more, but for exchanges in flight. The list is emptied."""
    while backends:
        for _ in range(min(SETTLED, len(backends))):
            release(<Backend>backends.pop())
        yield


cdef int release(Backend backend) except -1:
    cdef Upstream upstream = <Upstream>backend.upstream
    cdef Relay relay = upstream.relay
    upstream.remove_user(backend)
    if upstream.users is not None:
        return upstream.settle()
    key = key_of(backend)
    if relay.upstreams.get(key) is upstream:
        del relay.upstreams[key]
    return upstream.retire()


cdef int free_past(Relay relay) except -1:
    """Once a tick: of large services that no exchange holds any more, free some backends. All at once would be a pause."""
    cdef Service service
    cdef Py_ssize_t at, left
    cdef Py_ssize_t some = 0
    for at in range(len(relay.past)):
        some += len((<Service>relay.past[at]).backends)
    some = FREED + some // 16
    for at in range(len(relay.past) - 1, -1, -1):
        if Py_REFCNT(<PyObject *>PyList_GET_ITEM(relay.past, at)) > 1:  # another than ours
            continue
        service = <Service>relay.past[at]
        left = max(0, len(service.backends) - some)
        some -= len(service.backends) - left
        del service.backends[left:]
        if left == 0:
            del relay.past[at]
        if some == 0:
            break
    return 0
