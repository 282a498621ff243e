"""A service: its backends, where a cookie leads, and who gets the next new session."""

_STATES = {"up": STATE_UP, "draining": STATE_DRAINING, "leaving": STATE_LEAVING, "down": STATE_DOWN}
_KINDS = {"task": LOOKUP_TASK, "slot": LOOKUP_SLOT, "foreign": LOOKUP_FOREIGN, "previous": LOOKUP_PREVIOUS}


@cython.final
@cython.no_gc
cdef class Backend:
    """One place that answers requests. Tables share those that did not change."""

    def __init__(self, spec):
        self.id = spec.id
        self.name = spec.name
        self.host = spec.host
        self.port = spec.port
        self.weight = spec.weight
        self.series = spec.series
        self.state = _STATES[spec.state]
        self.cookie_value = _printable(spec.cookie_value, "cookie value")
        # The relay writes both into heads, and has room for so much
        if len(self.host) > LONGEST_HOST:
            raise ValueError(f"backend {self.name!r} has a host of more than {LONGEST_HOST} characters")
        if PyBytes_GET_SIZE(self.cookie_value) > LONGEST_COOKIE:
            raise ValueError(f"backend {self.name!r} has a cookie value of more than {LONGEST_COOKIE} bytes")


cdef bytes _printable(str text, str what):
    """`text` as it may stand in a header field: a control character here would let a label write whole fields."""
    cdef bytes data = text.encode("latin-1")
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef Py_ssize_t i
    for i in range(PyBytes_GET_SIZE(data)):
        if p[i] < 0x20 or p[i] == 0x7f:
            raise ValueError(f"{what} {text!r} holds a control character")
    return data


cdef int own_load(Service service, uint32_t at) except -1:
    """A table without a relay counts for itself."""
    if service.own_loads == NULL:
        service.own_loads = <load_t *>_room(service.count, sizeof(load_t))
    service.loads[at] = &service.own_loads[at]
    return 0


cdef class Service:
    """Once it is complete: immutable, but for the balancer's position. Tables share those that did not change."""

    def __cinit__(self, spec, uint32_t count, uint32_t values):
        """spec: a model.ServiceSpec, whose backends and lookup are not looked at: there are so many of them to come."""
        self.name = spec.name
        self.series = spec.series
        self.backends = []
        self.count = count
        self.pass_host_header = spec.pass_host_header
        self.hold = spec.hold
        self.states = <uint8_t *>_room(count, 1)
        self.traits = <uint8_t *>_room(count, 1)
        self.weights = <int64_t *>_room(count, sizeof(int64_t))
        self.currents = <int64_t *>_room(count, sizeof(int64_t))
        self.hashes = <uint64_t *>_room(count, sizeof(uint64_t))
        self.loads = <load_t **>_room(count, sizeof(load_t *))
        self._read_balance(spec)
        # Not all workers of all nodes shall begin with the same backend.
        self.cursor = random.randrange(count) if count else 0
        self.random = random.getrandbits(64) | 1
        self._read_cookie(spec.cookie)
        _map_begin(&self.lookup, values)

    def __dealloc__(self):
        _map_free(&self.lookup)
        fs_free(self.states)
        fs_free(self.traits)
        fs_free(self.weights)
        fs_free(self.currents)
        fs_free(self.hashes)
        fs_free(self.loads)
        fs_free(self.own_loads)

    def _read_balance(self, spec):
        self.balance = _BALANCES[spec.balance]
        kind, _, what = spec.hash_key.partition(":")
        self.hash_header = what.lower().encode("latin-1") if kind == "header" else None
        self.hash_query = what.encode("latin-1") if kind == "query" else None
        self.wishes = TRAIT_LOCAL if spec.prefer_local else 0
        if spec.cookie is not None:
            self.wishes |= TRAIT_CURRENT
        self.max_concurrent = spec.max_concurrent
        self.max_queued = spec.max_queued
        self.queue_timeout = spec.queue_timeout
        self.slow_start = <uint32_t>int(spec.slow_start * 10)

    cdef int add(self, Backend backend, spec) except -1:
        """The next one, of a model.BackendSpec. Where its load is counted has still to be told."""
        cdef uint32_t at = self.filled
        cdef bytes ident
        if at == self.count:
            raise ValueError(f"service {self.name!r} has more than {self.count} backends")
        ident = backend.id.encode("utf-8", "replace")
        self.backends.append(backend)
        self.states[at] = <uint8_t>backend.state
        self.traits[at] = TRAIT_LOCAL * spec.local + TRAIT_CURRENT * (not spec.outdated)
        self.weights[at] = backend.weight
        self.hashes[at] = fs_long_hash(<const uint8_t *>PyBytes_AS_STRING(ident), PyBytes_GET_SIZE(ident))
        self.filled = at + 1
        return 0

    cdef int keep(self, Service old, uint32_t first, uint32_t count) except -1:
        """The next ones are as they are in `old`."""
        cdef uint32_t at = self.filled
        cdef uint32_t i
        if count > self.count - at or first > old.count or count > old.count - first:
            raise ValueError(f"service {self.name!r} has no backends {first} to {first + count} to keep")
        for i in range(count):
            self.backends.append(old.backends[first + i])
        memcpy(self.states + at, old.states + first, count)
        memcpy(self.traits + at, old.traits + first, count)
        memcpy(self.weights + at, old.weights + first, count * sizeof(int64_t))
        memcpy(self.currents + at, old.currents + first, count * sizeof(int64_t))
        memcpy(self.hashes + at, old.hashes + first, count * sizeof(uint64_t))
        if old.own_loads == NULL:
            memcpy(self.loads + at, old.loads + first, count * sizeof(load_t *))
        else:
            for i in range(at, at + count):
                own_load(self, i)
        self.filled = at + count
        return 0

    cdef int put(self, str value, uint32_t at, uint32_t kind) except -1:
        """A cookie value that leads to the backend at this position; of equal values the first counts."""
        cdef bytes key = value.encode("latin-1")
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(key)
        cdef uint32_t size = <uint32_t>PyBytes_GET_SIZE(key)
        if at >= self.count:
            raise ValueError(f"cookie value {value!r} leads to backend {at} of {self.count} of service {self.name!r}")
        return _map_put(&self.lookup, p, size, fs_hash(p, size), at, kind)

    cdef int complete(self) except -1:
        """All backends and values are there."""
        cdef uint32_t i
        cdef uint8_t some = 0  # traits that any of them has
        cdef uint8_t every = 0xff
        if self.filled != self.count:
            raise ValueError(f"service {self.name!r} has {self.filled} of its {self.count} backends")
        self.alike = True
        for i in range(self.count):
            some |= self.traits[i]
            every &= self.traits[i]
            self.alike &= self.weights[i] != 0 and self.weights[i] == self.weights[0]
        self.wishes &= some
        if every & TRAIT_CURRENT:  # no update is under way, or it is over
            self.wishes &= ~TRAIT_CURRENT
        # No cycle leads through it: the collector need not walk over thousands of backends to see that
        PyObject_GC_UnTrack(<void *>self.backends)
        return 0

    def _read_cookie(self, policy):
        self.sticky = policy is not None
        if policy is None:
            return
        self.cookie_name = _printable(policy.name, "cookie name")
        self.set_cookie = b"Set-Cookie: " + self.cookie_name + b"="
        attributes = b"; Path=" + _printable(policy.path, "cookie path")
        if policy.domain:
            attributes += b"; Domain=" + _printable(policy.domain, "cookie domain")
        if policy.max_age:
            attributes += b"; Max-Age=%d" % policy.max_age
        if policy.http_only:
            attributes += b"; HttpOnly"
        same_site = b"; SameSite=" + policy.same_site.encode() if policy.same_site else b""
        secure = attributes + b"; Secure" + same_site + b"\r\n"
        plain = attributes + same_site + b"\r\n"
        self.attributes_secure = plain if policy.secure is False else secure
        self.attributes = secure if policy.secure else plain
        if PyBytes_GET_SIZE(self.set_cookie) + len(secure) > LONGEST_SET_COOKIE:
            raise ValueError(
                f"service {self.name!r} has a cookie whose name and attributes take more than {LONGEST_SET_COOKIE} bytes"
            )

    cdef bint is_open(self) noexcept nogil:
        """Is any backend up and not ejected?"""
        cdef uint32_t i
        for i in range(self.count):
            if self.states[i] == STATE_UP and not self.loads[i].ejected:
                return True
        return False

    cdef bint usable(self, uint32_t at) noexcept nogil:
        """May a user who is stuck there go there? When every backend is ejected, the fault is rather on our side: try."""
        return self.states[at] <= STATE_DRAINING and (not self.loads[at].ejected or not self.is_open())

    cdef uint32_t why_not(self, uint32_t at) noexcept nogil:
        """lookup_kind of one that is not usable."""
        if self.states[at] <= STATE_DRAINING:
            return LOOKUP_EJECTED
        return LOOKUP_LEAVING if self.states[at] == STATE_LEAVING else LOOKUP_DOWN

    cdef int find(self, const uint8_t *value, uint32_t size, uint32_t *kind) noexcept nogil:
        """Where a cookie value leads: position of a backend that may be used, and in *kind what the value stood for.

        -1 if it leads nowhere; *kind then says why the task that it names, or else its slot's, may not be used, LOOKUP_NONE
        if the table has neither. The value is "TASK.SLOT", "TASK", or what another proxy wrote.
        """
        cdef const uint8_t *dot
        cdef const entry_t *entry
        cdef uint32_t first = size
        kind[0] = LOOKUP_NONE
        if size == 0 or size > LONGEST_COOKIE:
            return -1
        dot = <const uint8_t *>memchr(value, c'.', size)
        if dot != NULL:
            first = <uint32_t>(dot - value)
        entry = map_find(&self.lookup, value, first)
        if entry != NULL and entry.b != LOOKUP_SLOT:
            if self.usable(entry.a):
                kind[0] = entry.b
                return <int>entry.a
            kind[0] = self.why_not(entry.a)
        if dot == NULL:
            return -1
        entry = map_find(&self.lookup, dot + 1, size - first - 1)
        if entry != NULL and entry.b == LOOKUP_SLOT:
            if self.usable(entry.a):
                kind[0] = LOOKUP_SLOT
                return <int>entry.a
            if kind[0] == LOOKUP_NONE:
                kind[0] = self.why_not(entry.a)
            return -1
        entry = map_find(&self.lookup, value, size)
        if entry != NULL and entry.b == LOOKUP_FOREIGN:
            if self.usable(entry.a):
                kind[0] = LOOKUP_FOREIGN
                return <int>entry.a
            kind[0] = self.why_not(entry.a)
        return -1
