"""Latencies in microseconds, counted in the buckets of core/_stats: 32 an octave, so that a value is known to 3 %."""


cdef class Histogram:
    """Counts by bucket."""

    cdef uint64_t counts[STATS_BUCKETS]
    cdef uint64_t count
    cdef uint64_t sum         # of the exact values, for the mean
    cdef uint64_t longest

    cdef inline void add(self, int64_t ns) noexcept nogil:
        cdef uint64_t us = <uint64_t>(ns // 1000) if ns > 0 else 0
        self.counts[stats_bucket(us)] += 1
        self.count += 1
        self.sum += us
        if us > self.longest:
            self.longest = us

    def record(self, int64_t microseconds):
        """Count one value."""
        self.add(microseconds * 1000)

    def take(self):
        """(bucket and count of those that are not empty, sum, longest), and begin anew."""
        cdef int i
        found = []
        if self.count:
            for i in range(STATS_BUCKETS):
                if self.counts[i]:
                    found.append((i, self.counts[i]))
        result = (found, self.sum, self.longest)
        memset(self.counts, 0, sizeof(self.counts))
        self.count = self.sum = self.longest = 0
        return result
