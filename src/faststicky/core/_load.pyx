"""The load generator's hot loop: HTTP/1.1 and WebSocket clients that ask, time and check, and a responder to ask.

    Load         one event loop's load: what is sent, how fast, and everything that is counted
    Session      one user: a cookie jar and the backend where it is at home
    Client       one connection's place, opened anew as often as needed   (asyncio protocol)
    Responder    one connection of the built-in backend                   (asyncio protocol)

Requests are bytes that were built before; a latency is two readings of CLOCK_MONOTONIC and one increment. Answers are read
with the proxy's own parser, as strictly as the proxy reads them. Nothing here knows processes, options or terminals.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

import base64
import hashlib
import os

from faststicky.core._h1 cimport (
    CHUNK_DATA, CHUNK_END, CHUNK_MORE, FIELD_OTHER, FIELD_SET_COOKIE, FRAME_CHUNKED, FRAME_CLOSE, FRAME_LENGTH,
    H1_BAD, H1_MORE, HEAD_CLOSE, HEAD_EXPECT, HEAD_KEEP_ALIVE, METHOD_GET, METHOD_HEAD, chunk_t, h1_chunk_begin,
    h1_chunk_next, h1_counted, h1_request, h1_response, head_t, limits_t,
)
from faststicky.core._memory cimport fs_calloc, fs_free
from faststicky.core._span cimport fs_same
from faststicky.core._stats cimport STATS_BUCKETS, stats_bucket, stats_clock

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        int64_t tv_sec
        long tv_nsec
    enum: CLOCK_MONOTONIC

cdef extern from "<sys/timerfd.h>" nogil:
    cdef struct itimerspec:
        timespec it_interval
        timespec it_value
    enum: TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME
    int timerfd_create(int clock, int flags)
    int timerfd_settime(int fd, int flags, const itimerspec *new, itimerspec *old)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)


cdef inline int64_t now_ns() noexcept nogil:
    return <int64_t>stats_clock()


include "load/histogram.pxi"
include "load/identities.pxi"
include "load/session.pxi"
include "load/load.pxi"
include "load/client.pxi"
include "load/websocket.pxi"
include "load/responder.pxi"
