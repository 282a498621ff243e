"""Counters and histograms in shared memory: layout, and the writer's side."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum:
    STATS_SERVICES = 4096
    STATS_BACKENDS = 65536
    STATS_BUCKETS = 896       # 32 exact, then 32 for each octave up to 2**32 microseconds
    STATS_REGISTERS = 128
    STATS_WINDOW = 300        # seconds

cdef enum failure_t:
    FAILURE_502 = 0
    FAILURE_503 = 1
    FAILURE_504 = 2
    FAILURE_OTHER = 3

cdef struct series_t:
    uint64_t requests
    uint64_t answers[6]
    uint64_t failures[4]      # failure_t
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t retries
    uint64_t connect_errors
    uint64_t resets
    uint64_t ejections
    uint64_t outcomes[12]     # outcome_t
    int64_t in_flight
    int64_t queued
    int64_t ejected           # of a backend: 1 while it gets no requests (relay/health.pxi)
    uint64_t window           # which STATS_WINDOW of the monotonic clock sessions[0] is about; sessions[1] is the one before
    uint8_t sessions[2][STATS_REGISTERS]

cdef struct service_series_t:
    series_t counters
    uint32_t first_byte[STATS_BUCKETS]
    uint32_t total[STATS_BUCKETS]

cdef inline uint32_t stats_bucket(uint64_t microseconds) noexcept nogil:
    cdef uint32_t octave
    if microseconds < 32:
        return <uint32_t>microseconds
    if microseconds >> 32:
        return STATS_BUCKETS - 1
    octave = 63 - <uint32_t>stats_leading_zeros(microseconds)
    return 32 * (octave - 4) + (<uint32_t>(microseconds >> (octave - 5)) & 31)

cdef extern from *:
    """
    #include <time.h>
    #define stats_leading_zeros(x) __builtin_clzll(x)

    /* Nanoseconds on CLOCK_MONOTONIC. */
    static inline uint64_t stats_clock(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
    }
    """
    int stats_leading_zeros(uint64_t x) noexcept nogil
    uint64_t stats_clock() noexcept nogil

cdef service_series_t *stats_service(void *region, uint32_t series) noexcept nogil
cdef series_t *stats_backend(void *region, uint32_t series) noexcept nogil
cdef void stats_session(series_t *series, uint64_t window, uint32_t hash) noexcept nogil
