"""The routing table: rules, services, backends and cookie lookups; immutable, built from what the table before does not have.

Everything that a request asks of it is answered without making a Python object. What changes while it is in force (the
balancers' positions) is hidden inside and needs no consistency between two tables.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.math cimport log
from libc.string cimport memchr, memcmp, memcpy, memset

import operator
import random

from faststicky.core._memory cimport fs_calloc, fs_free, fs_malloc, fs_realloc
from faststicky.core._span cimport fs_hash, fs_long_hash, fs_mix

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(void *object)

cdef long _live_tables = 0
cdef enum:
    LONGEST_HOST = 255
    LONGEST_COOKIE = 512      # a longer value is nobody's token
    LONGEST_SET_COOKIE = 4096  # without the value: browsers keep none of more, and the relay has no more room


cdef long live_tables() noexcept:
    return _live_tables


cdef void *_room(size_t count, size_t size) except NULL:
    """Zeroed memory for `count` items, at least one, so that NULL always means an error."""
    cdef void *p = fs_calloc(count if count else 1, size)
    if p == NULL:
        raise MemoryError(f"no memory for {count * size} bytes of a routing table")
    return p


include "table/map.pxi"
include "table/balance.pxi"
include "table/service.pxi"
include "table/routes.pxi"
include "table/builder.pxi"
