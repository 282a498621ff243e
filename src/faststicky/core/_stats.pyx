"""Counters and histograms in memory that the supervisor reads while one worker writes: no locks, one writer a region.

Every number is a machine word that one process writes and others read, so a reader sees each one whole; that they are not
of one moment does not matter to somebody who looks every few seconds.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memset

from faststicky.core._span cimport fs_long_hash, fs_mix

import math
import time

cdef enum:
    SERVICE_STRIDE = 8192
    BACKEND_STRIDE = 576      # whole cache lines
    BACKENDS_AT = STATS_SERVICES * SERVICE_STRIDE

SERVICES = STATS_SERVICES
BACKENDS = STATS_BACKENDS
BUCKETS = STATS_BUCKETS
REGION_SIZE = BACKENDS_AT + STATS_BACKENDS * BACKEND_STRIDE

assert sizeof(service_series_t) <= SERVICE_STRIDE and sizeof(series_t) <= BACKEND_STRIDE

FAILURES = ("502", "503", "504", "other")
OUTCOMES = (
    "none", "new", "hit", "draining", "slot", "foreign", "previous",
    "moved_gone", "moved_leaving", "moved_down", "moved_ejected", "moved_failed",
)


cdef service_series_t *stats_service(void *region, uint32_t series) noexcept nogil:
    return <service_series_t *>(<uint8_t *>region + <size_t>(series % STATS_SERVICES) * SERVICE_STRIDE)


cdef series_t *stats_backend(void *region, uint32_t series) noexcept nogil:
    return <series_t *>(<uint8_t *>region + BACKENDS_AT + <size_t>(series % STATS_BACKENDS) * BACKEND_STRIDE)


cdef void stats_session(series_t *series, uint64_t window, uint32_t hash) noexcept nogil:
    """Count a user (Flajolet and others: HyperLogLog, 2007): the register that the hash names keeps the longest run of zeros
    that it has seen. Two windows, so that at least one whole window is always covered."""
    cdef uint32_t at = hash & (STATS_REGISTERS - 1)
    cdef uint32_t rest = hash >> 7 | 1u << 25
    cdef uint8_t rank = 1
    cdef uint32_t i
    if series.window != window:
        for i in range(STATS_REGISTERS):
            series.sessions[1][i] = series.sessions[0][i] if series.window + 1 == window else 0
            series.sessions[0][i] = 0
        series.window = window
    while not rest & 1:
        rank += 1
        rest >>= 1
    if series.sessions[0][at] < rank:
        series.sessions[0][at] = rank


def bucket_of(uint64_t microseconds):
    return stats_bucket(microseconds)


def bucket_bounds(uint32_t bucket):
    """Lowest and highest microsecond of a bucket."""
    if bucket >= STATS_BUCKETS:
        raise ValueError(f"bucket {bucket} is not one of 0 to {STATS_BUCKETS - 1}")
    if bucket < 32:
        return bucket, bucket
    octave = bucket // 32 + 4
    width = 1 << (octave - 5)
    low = (32 + bucket % 32) * width
    return low, low + width - 1


cdef dict _counters(const series_t *s):
    cdef uint8_t both[STATS_REGISTERS]
    cdef uint64_t now = <uint64_t>time.monotonic() // STATS_WINDOW
    cdef uint32_t i
    memset(both, 0, sizeof(both))
    for i in range(STATS_REGISTERS):
        if s.window == now:
            both[i] = max(s.sessions[0][i], s.sessions[1][i])
        elif s.window + 1 == now:
            both[i] = s.sessions[0][i]
    return {
        "requests": s.requests,
        "answers": [s.answers[i] for i in range(6)],
        "failures": {name: s.failures[at] for at, name in enumerate(FAILURES)},
        "bytes_in": s.bytes_in,
        "bytes_out": s.bytes_out,
        "retries": s.retries,
        "connect_errors": s.connect_errors,
        "resets": s.resets,
        "ejections": s.ejections,
        "outcomes": {name: s.outcomes[at] for at, name in enumerate(OUTCOMES)},
        "in_flight": s.in_flight,
        "queued": s.queued,
        "ejected": s.ejected,
        "sessions": PyBytes_FromStringAndSize(<const char *>both, STATS_REGISTERS),
    }


cdef dict _sparse(const uint32_t *counts):
    """Few services have more than some dozen buckets in use, and most have none."""
    cdef dict found = {}
    cdef uint32_t i
    for i in range(STATS_BUCKETS):
        if counts[i]:
            found[i] = counts[i]
    return found


cdef class _View:
    """A region while it is looked at."""

    cdef Py_buffer buffer
    cdef bint held

    def __cinit__(self, region, bint writable):
        PyObject_GetBuffer(region, &self.buffer, PyBUF_WRITABLE if writable else PyBUF_SIMPLE)
        self.held = True
        if self.buffer.len < REGION_SIZE:
            raise ValueError(f"a region of statistics has {REGION_SIZE} bytes, not {self.buffer.len}")

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.buffer)


cdef int _check(uint32_t series, uint32_t most) except -1:
    if series >= most:
        raise ValueError(f"series {series} is not one of 0 to {most - 1}")
    return 0


def read_service(region, uint32_t series):
    """(counters, histograms) of one service; series 0 is the total."""
    cdef _View view = _View(region, False)
    cdef const service_series_t *s
    _check(series, STATS_SERVICES)
    s = stats_service(view.buffer.buf, series)
    return _counters(&s.counters), {"first_byte": _sparse(s.first_byte), "total": _sparse(s.total)}


def read_backend(region, uint32_t series):
    cdef _View view = _View(region, False)
    _check(series, STATS_BACKENDS)
    return _counters(stats_backend(view.buffer.buf, series))


cdef uint64_t _mark(const series_t *s, size_t size):
    """Of all that it holds, and of what it means by now: users are those of the last windows."""
    cdef uint64_t age = <uint64_t>time.monotonic() // STATS_WINDOW - s.window
    return fs_mix(fs_long_hash(<const uint8_t *>s, size), age if age < 2 else 2)


def mark_service(region, uint32_t series):
    cdef _View view = _View(region, False)
    _check(series, STATS_SERVICES)
    return _mark(&stats_service(view.buffer.buf, series).counters, sizeof(service_series_t))


def mark_backend(region, uint32_t series):
    cdef _View view = _View(region, False)
    _check(series, STATS_BACKENDS)
    return _mark(stats_backend(view.buffer.buf, series), sizeof(series_t))


def clear_service(region, uint32_t series):
    cdef _View view = _View(region, True)
    _check(series, STATS_SERVICES)
    memset(stats_service(view.buffer.buf, series), 0, sizeof(service_series_t))


def clear_backend(region, uint32_t series):
    cdef _View view = _View(region, True)
    _check(series, STATS_BACKENDS)
    memset(stats_backend(view.buffer.buf, series), 0, sizeof(series_t))


def merge_sessions(list registers not None):
    """Of several workers, nodes or backends: the registers of the union."""
    return bytes(max(each) for each in zip(*registers)) if registers else bytes(STATS_REGISTERS)


def count_sessions(bytes registers not None):
    """Estimated number of distinct users; with linear counting while registers are empty, which is exact for few."""
    empty = registers.count(0)
    estimate = 0.7213 / (1 + 1.079 / STATS_REGISTERS) * STATS_REGISTERS ** 2 / sum(2.0 ** -each for each in registers)
    if empty and estimate <= 2.5 * STATS_REGISTERS:
        estimate = STATS_REGISTERS * math.log(STATS_REGISTERS / empty)
    return round(estimate)
