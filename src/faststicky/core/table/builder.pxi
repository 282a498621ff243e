"""From one table to the next, in short steps between which requests are served.

What did not change is taken over: services as they are, backends of a service that changed, the rules. What is new is told in
pieces, in this order: services with their backends, names and rules (which may be left out when both are those of the table
before), the end. Everything that may be long is a generator, of which no step takes more than some tens of microseconds. The
table in force is never touched: a builder that fails, or that is dropped, leaves nothing behind.
"""

cdef enum:
    STEP = 16                 # backends or rules made in one step
    BULK = 1024               # things copied in one step
    BULK_CLEARED = 8192       # entries
    GONE = 0xffffffff


cdef class TableBuilder:
    """Builds one table. See the module."""

    def __cinit__(self, *args):
        self.table = Table.__new__(Table)
        self.made = {}
        self.entering = []
        self.leaving = []

    def __init__(self, int64_t generation, Table base=None):
        self.table.generation = generation
        self.base = base

    def __dealloc__(self):
        fs_free(self.moved)

    cdef int attach(self, Service service, uint32_t at, Backend backend) except -1:
        """A backend is new: where its load is counted."""
        return own_load(service, at)

    def names(self, list names not None):
        """The next names of all services in their order."""
        self.order = names if self.order is None else self.order + names

    def routes(self, list routes not None):
        """The next of all routes."""
        self.rules = routes if self.rules is None else self.rules + routes

    def service(self, spec, uint32_t backends, uint32_t values):
        """A service that is new, or not as in the table before. Its backends follow.

        spec: a model.ServiceSpec whose backends and lookup do not count; there will be so many backends, and so many cookie
        values that lead to them.
        """
        self._begin(spec, backends, values)
        yield from self._clear()
        if backends == 0:
            yield from self._complete()

    def backends(self, segments):
        """The next backends of that service.

        segments: of (first, count, lines): first to keep `count` backends of the service of this name in the table before,
        from position `first` on, with the values that lead to them; then those of `lines`: objects with `backend` (a
        model.BackendSpec) and `values`, pairs of a cookie value and its model.Outcome.
        """
        cdef uint32_t left, some
        if self.current is None:
            raise ValueError("backends of no service")
        for first, count, lines in segments:
            left = count
            while left:
                some = min(left, <uint32_t>BULK)
                self._keep(first + (count - left), some)
                left -= some
                yield
            for at, line in enumerate(lines):
                self._add(line.backend)
                for value, kind in line.values:
                    self.current.put(value, self.current.filled - 1, _KINDS[kind])
                if at % STEP == 0:
                    yield
        if self.current.filled == self.current.count:
            yield from self._complete()

    def whole(self, spec):
        """All of a model.TableSpec."""
        for service in spec.services:
            self._begin(service, len(service.backends), len(service.lookup))
            yield from self._clear()
            for at, backend in enumerate(service.backends):
                self._add(backend)
                if at % STEP == 0:
                    yield
            for at, (value, position, kind) in enumerate(service.lookup):
                self.current.put(value, position, _KINDS[kind])
                if at % STEP == 0:
                    yield
            yield from self._complete()
        self.order = [service.name for service in spec.services]
        self.rules = list(spec.routes)

    def finish(self):
        """Nothing more will come: the table is complete when the generator ends."""
        cdef Service service
        cdef Table table = self.table
        if self.current is not None:
            raise ValueError(f"service {self.current.name!r} has {self.current.filled} of its {self.current.count} backends")
        order = self.order
        if order is None:
            order = [(<Service>each).name for each in self.base.services] if self.base is not None else []
        for at, name in enumerate(order):
            service = self.made.get(name)
            if service is None and self.base is not None:
                service = self.base.by_name.get(name)
            if service is None:
                raise ValueError(f"service {name!r} is neither new nor in force")
            table.services.append(service)
            table.by_name[name] = service
            if at % BULK == 0:
                yield
        for name in self.made:
            if name not in table.by_name:
                raise ValueError(f"service {name!r} is new, but not among the table's")
        if self.order is None and self.rules is None and self.base is not None:
            table.routes = self.base.routes
        else:
            table.routes = Routes()
            positions = {name: at for at, name in enumerate(order)}
            yield from table.routes.fill(positions, self.rules if self.rules is not None else [])
        if self.base is not None:
            for each in self.base.services:
                service = <Service>each
                if service.name not in table.by_name:  # of one that is new, _complete has seen to it
                    self.leaving += service.backends
                    yield

    cdef int _begin(self, spec, uint32_t backends, uint32_t values) except -1:
        cdef uint32_t i
        if self.current is not None or spec.name in self.made:
            raise ValueError(f"service {spec.name!r} begins in the middle of another, or twice")
        self.current = Service.__new__(Service, spec, backends, values)
        self.old = self.base.by_name.get(spec.name) if self.base is not None else None
        self.kept = 0
        if self.old is not None:
            self.moved = <uint32_t *>_room(self.old.count, sizeof(uint32_t))
            for i in range(self.old.count):
                self.moved[i] = GONE
        return 0

    def _clear(self):
        cdef uint32_t at = _map_clear(&self.current.lookup, 0, BULK_CLEARED)
        while at:
            yield
            at = _map_clear(&self.current.lookup, at, BULK_CLEARED)

    cdef int _add(self, spec) except -1:
        cdef Backend backend = Backend(spec)
        self.current.add(backend, spec)
        return self.attach(self.current, self.current.filled - 1, backend)

    cdef int _keep(self, uint32_t first, uint32_t count) except -1:
        cdef uint32_t at = self.current.filled
        cdef uint32_t i
        if self.old is None:
            raise ValueError(f"service {self.current.name!r} has no backends to keep: it is not in force")
        self.current.keep(self.old, first, count)
        for i in range(count):
            if self.moved[first + i] != GONE:
                raise ValueError(f"backend {first + i} of service {self.current.name!r} is kept twice")
            self.moved[first + i] = at + i
        self.kept += count
        return 0

    def _complete(self):
        """All of a service is there, but for the values that lead to what was kept of the old one."""
        cdef uint32_t at = 0
        if self.kept:
            while at <= self.old.lookup.mask:
                self._take_values(at, min(at + BULK, self.old.lookup.mask + 1))
                at += BULK
                yield
        if self.old is not None:
            for at in range(0, self.old.count, BULK):
                self._note_leaving(at, min(at + BULK, self.old.count))
                yield
        self.current.complete()
        self.made[self.current.name] = self.current
        self.current = self.old = None
        fs_free(self.moved)
        self.moved = NULL

    cdef int _take_values(self, uint32_t first, uint32_t until) except -1:
        cdef map_t *old = &self.old.lookup
        cdef const entry_t *entry
        cdef uint32_t i
        for i in range(first, until):
            entry = &old.entries[i]
            if entry.size and self.moved[entry.a] != GONE:
                _map_put(&self.current.lookup, old.keys + entry.at, entry.size, entry.hash, self.moved[entry.a], entry.b)
        return 0

    cdef int _note_leaving(self, uint32_t first, uint32_t until) except -1:
        cdef uint32_t i
        for i in range(first, until):
            if self.moved[i] == GONE:
                self.leaving.append(self.old.backends[i])
        return 0
