"""A service: its backends, where a cookie leads, and who gets the next new session."""

_STATES = {"up": STATE_UP, "draining": STATE_DRAINING, "leaving": STATE_LEAVING, "down": STATE_DOWN}
_KINDS = {"task": LOOKUP_TASK, "slot": LOOKUP_SLOT, "foreign": LOOKUP_FOREIGN, "previous": LOOKUP_PREVIOUS}


cdef class Backend:
    """One place that answers requests."""

    def __init__(self, spec):
        self.id = spec.id
        self.name = spec.name
        self.host = spec.host
        self.port = spec.port
        self.weight = spec.weight
        self.series = spec.series
        self.state = _STATES[spec.state]
        self.cookie_value = _printable(spec.cookie_value, "cookie value")


cdef bytes _printable(str text, str what):
    """`text` as it may stand in a header field: a control character here would let a label write whole fields."""
    data = text.encode("latin-1")
    for c in data:
        if c < 0x20 or c == 0x7f:
            raise ValueError(f"{what} {text!r} holds a control character")
    return data


cdef class Service:
    """Immutable but for the balancer's position."""

    def __cinit__(self, spec):
        cdef uint32_t i
        backends = [Backend(each) for each in spec.backends]
        self.name = spec.name
        self.series = spec.series
        self.backends = backends
        self.count = <uint32_t>len(backends)
        self.pass_host_header = spec.pass_host_header
        self.hold = spec.hold
        self.states = <uint8_t *>_room(self.count, 1)
        self.ejected = <uint8_t *>_room(self.count, 1)
        for i in range(self.count):
            self.states[i] = (<Backend>backends[i]).state
            self.open += self.states[i] == STATE_UP
        self._read_balance(spec)
        # Not all workers of all nodes shall begin with the same backend.
        self.cursor = random.randrange(self.count) if self.count else 0
        self._read_cookie(spec.cookie)
        _map_build(&self.lookup, [(value.encode("latin-1"), at, _KINDS[kind]) for value, at, kind in spec.lookup])

    def __dealloc__(self):
        _map_free(&self.lookup)
        fs_free(self.states)
        fs_free(self.ejected)
        fs_free(self.traits)
        fs_free(self.weights)
        fs_free(self.currents)
        fs_free(self.hashes)
        fs_free(self.loads)
        fs_free(self.own_loads)

    def _read_balance(self, spec):
        cdef uint32_t i
        cdef bytes name
        self.balance = _BALANCES[spec.balance]
        kind, _, what = spec.hash_key.partition(":")
        self.hash_header = what.lower().encode("latin-1") if kind == "header" else None
        self.hash_query = what.encode("latin-1") if kind == "query" else None
        if spec.prefer_local and any(each.local for each in spec.backends):
            self.wishes = TRAIT_LOCAL
        if spec.cookie is not None and len({each.outdated for each in spec.backends}) == 2:
            self.wishes |= TRAIT_CURRENT
        self.max_concurrent = spec.max_concurrent
        self.max_queued = spec.max_queued
        self.queue_timeout = spec.queue_timeout
        self.slow_start = <uint32_t>int(spec.slow_start * 10)
        self.alike = len({each.weight for each in spec.backends}) <= 1 and all(each.weight for each in spec.backends)
        self.traits = <uint8_t *>_room(self.count, 1)
        self.weights = <int64_t *>_room(self.count, sizeof(int64_t))
        self.currents = <int64_t *>_room(self.count, sizeof(int64_t))
        self.hashes = <uint64_t *>_room(self.count, sizeof(uint64_t))
        self.loads = <load_t **>_room(self.count, sizeof(load_t *))
        self.own_loads = <load_t *>_room(self.count, sizeof(load_t))
        for i, each in enumerate(spec.backends):
            name = each.id.encode("utf-8", "replace")
            self.traits[i] = TRAIT_LOCAL * each.local + TRAIT_CURRENT * (not each.outdated)
            self.weights[i] = each.weight
            self.hashes[i] = fs_long_hash(<const uint8_t *>PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
            self.loads[i] = &self.own_loads[i]
        self.random = random.getrandbits(64) | 1

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

    cdef void adopt(self, uint32_t at, load_t *load) noexcept nogil:
        """From now on this is what the backend at this position has to do."""
        self.loads[at] = load
        if not self.wishes & TRAIT_CURRENT:
            load.dealt = 0

    cdef void eject(self, uint32_t at, bint ejected) noexcept nogil:
        """The backend at this position does not answer (ejected), or does again."""
        if self.states[at] == STATE_UP and self.ejected[at] != ejected:
            self.open += 1 if self.ejected[at] else -1
        self.ejected[at] = ejected

    cdef bint usable(self, uint32_t at) noexcept nogil:
        """May a user who is stuck there go there? When every backend is ejected, the fault is rather on our side: try."""
        return self.states[at] <= STATE_DRAINING and (not self.ejected[at] or self.open == 0)

    cdef int find(self, const uint8_t *value, uint32_t size, uint32_t *kind) noexcept nogil:
        """Where a cookie value leads: position of a backend that may be used, and in *kind what the value stood for.

        -1 if it leads nowhere; *kind is then LOOKUP_TASK if it named a task that can no longer be used, else LOOKUP_NONE.
        The value is "TASK.SLOT", "TASK", or what another proxy wrote.
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
            kind[0] = LOOKUP_TASK
        if dot == NULL:
            return -1
        entry = map_find(&self.lookup, dot + 1, size - first - 1)
        if entry != NULL and entry.b == LOOKUP_SLOT:
            if self.usable(entry.a):
                kind[0] = LOOKUP_SLOT
                return <int>entry.a
            kind[0] = LOOKUP_TASK
            return -1
        entry = map_find(&self.lookup, value, size)
        if entry != NULL and entry.b == LOOKUP_FOREIGN:
            if self.usable(entry.a):
                kind[0] = LOOKUP_FOREIGN
                return <int>entry.a
            kind[0] = LOOKUP_TASK
        return -1
