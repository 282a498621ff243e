"""Who answered: what tells backends apart, counted, without an object for an answer."""

cdef enum:
    MOST_IDENTITIES = 4096
    IDENTITY_SLOTS = 8192     # at most half full
    IDENTITY_BYTES = 64       # of a body or value: what comes behind them does not tell backends apart
    NOBODY = -1


cdef inline uint64_t identity_hash(uint64_t h, const uint8_t *p, Py_ssize_t size) noexcept nogil:
    """FNV-1a, so that a body may come in pieces."""
    cdef Py_ssize_t i
    for i in range(size):
        h = (h ^ p[i]) * 0x100000001b3ull
    return h


cdef class Identities:
    """Backends by the hash of what tells them apart. Beyond MOST_IDENTITIES they are nobody: then it was no identity."""

    cdef uint64_t hashes[IDENTITY_SLOTS]
    cdef int32_t places[IDENTITY_SLOTS]
    cdef uint64_t answers[MOST_IDENTITIES]
    cdef list names
    cdef uint32_t count
    cdef bint overflowed

    def __cinit__(self):
        self.names = []

    cdef int find(self, uint64_t h, const uint8_t *sample, Py_ssize_t size) except -2:
        """Its place; a new one is given out at first sight."""
        cdef uint32_t at = <uint32_t>(h ^ (h >> 29)) & (IDENTITY_SLOTS - 1)
        if h == 0:
            h = 1
        while self.hashes[at]:
            if self.hashes[at] == h:
                return self.places[at]
            at = (at + 1) & (IDENTITY_SLOTS - 1)
        if self.count == MOST_IDENTITIES:
            self.overflowed = True
            return NOBODY
        self.hashes[at] = h
        self.places[at] = self.count
        self.names.append(PyBytes_FromStringAndSize(<const char *>sample, size))
        self.count += 1
        return self.places[at]

    def take(self):
        """Answers by name since the last time."""
        cdef uint32_t i
        found = {}
        for i in range(self.count):
            if self.answers[i]:
                found[self.names[i]] = found.get(self.names[i], 0) + self.answers[i]
                self.answers[i] = 0
        return found
