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
        if len({each.weight for each in backends}) > 1 or any(each.weight == 0 for each in backends):
            self.weights = <int64_t *>_room(self.count, sizeof(int64_t))
            self.currents = <int64_t *>_room(self.count, sizeof(int64_t))
            for i in range(self.count):
                self.weights[i] = (<Backend>backends[i]).weight
        # Not all workers of all nodes shall begin with the same backend.
        self.cursor = random.randrange(self.count) if self.count else 0
        self._read_cookie(spec.cookie)
        _map_build(&self.lookup, [(value.encode("latin-1"), at, _KINDS[kind]) for value, at, kind in spec.lookup])

    def __dealloc__(self):
        _map_free(&self.lookup)
        free(self.states)
        free(self.ejected)
        free(self.weights)
        free(self.currents)

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

    cdef int choose(self, const uint32_t *tried, uint32_t tried_count) noexcept nogil:
        """Who gets the next new session, -1 if there is nobody. A draining backend only when nobody else is up, and an
        ejected one only when there is no other: better a try there than no answer at all."""
        cdef int found = self._choose(STATE_UP, False, tried, tried_count)
        if found < 0:
            found = self._choose(STATE_DRAINING, False, tried, tried_count)
        if found < 0:
            found = self._choose(STATE_UP, True, tried, tried_count)
        return found

    cdef int _choose(self, uint8_t state, bint ejected, const uint32_t *tried, uint32_t tried_count) noexcept nogil:
        cdef uint32_t i, k
        cdef int64_t total = 0
        cdef int best = -1
        for k in range(self.count):
            i = (self.cursor + k) % self.count if self.weights == NULL else k
            if self.states[i] != state or self.ejected[i] != ejected or _is_among(i, tried, tried_count):
                continue
            if self.weights == NULL:
                self.cursor = i + 1
                return <int>i
            # Smooth weighted round robin, as nginx does it: everybody gains its weight, the winner pays the total.
            if self.weights[i] == 0:
                continue
            total += self.weights[i]
            self.currents[i] += self.weights[i]
            if best < 0 or self.currents[i] > self.currents[best]:
                best = <int>i
        if best >= 0:
            self.currents[best] -= total
        return best


cdef bint _is_among(uint32_t i, const uint32_t *tried, uint32_t count) noexcept nogil:
    cdef uint32_t k
    for k in range(count):
        if tried[k] == i:
            return True
    return False
