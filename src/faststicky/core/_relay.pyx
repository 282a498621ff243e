"""The relay: from the bytes of a client to the bytes of a backend and back. LIFECYCLE.md follows one connection through it.

It owns every client and upstream connection of a worker and the table in force. It must not know Docker, processes, files
or formats of logs. It runs on one event loop's thread; nothing here is safe to call from another.

Cython does not keep `self` alive during a call of a C method: whoever calls into an Exchange that may end holds a reference in
a local variable (see Client.received).

Invariants: an Exchange has one Client until the answer is complete or the client is gone, and at most one Connection; a
Connection belongs to exactly one of its Upstream's pool or an Exchange; whatever stops reading one side arms a deadline;
every reference that makes a cycle (transport and protocol, exchange and ends) is cut when its connection is lost, which is
why these classes need no cycle collector.
"""

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc cimport errno
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memmove, memset, strlen

import collections
import ipaddress
import os
import time

from faststicky.core import dial
from faststicky.core._stats import OUTCOMES, REGION_SIZE
from faststicky.core._cookie cimport cookie_find, cookie_strip
from faststicky.core._h1 cimport (
    CHUNK_DATA, CHUNK_END, CHUNK_MORE, FIELD_CACHE_CONTROL, FIELD_CONNECTION, FIELD_CONTENT_LENGTH, FIELD_COOKIE,
    FIELD_DATE, FIELD_EXPECT, FIELD_FORWARDED, FIELD_HOP, FIELD_HOST, FIELD_OTHER, FIELD_SET_COOKIE, FIELD_TRANSFER_ENCODING,
    FIELD_UNDERSCORE, FIELD_UPGRADE, FIELD_USER_AGENT, FIELD_VIA, FIELD_X_FORWARDED_FOR, FIELD_X_REQUEST_ID,
    FRAME_CHUNKED, FRAME_CLOSE, FRAME_LENGTH, FRAME_NONE, H1_BAD, H1_FIELDS, H1_MORE, HEAD_ABSOLUTE, HEAD_CLOSE,
    HEAD_COOKIE, HEAD_DATE, HEAD_KEEP_ALIVE, HEAD_LENGTH, HEAD_NAMES, METHOD_CONNECT, METHOD_DELETE, METHOD_GET, METHOD_HEAD,
    METHOD_OPTIONS, METHOD_PUT, METHOD_TRACE, chunk_t, field_t, h1_chunk_begin, h1_chunk_next, h1_name_of, h1_named_by_connection,
    h1_counted, h1_request, h1_response, h1_status_of, head_t,
)
from faststicky.core._memory cimport fs_free, fs_malloc, fs_realloc, live_blocks, live_bytes
from faststicky.core._span cimport fs_hash, fs_long_hash, fs_put_decimal, fs_put_hex, fs_put_hex16, fs_same, span_t
from faststicky.core._stats cimport (
    FAILURE_502, FAILURE_503, FAILURE_504, FAILURE_OTHER, STATS_WINDOW, series_t, service_series_t, stats_backend,
    stats_bucket, stats_clock, stats_service, stats_session,
)
from faststicky.core._table cimport (
    BALANCE_HASH, LOOKUP_DOWN, LOOKUP_FOREIGN, LOOKUP_LEAVING, LOOKUP_NONE, LOOKUP_SLOT, LOOKUP_TASK, OUTCOME_DOWN,
    OUTCOME_DRAINING, OUTCOME_EJECTED, OUTCOME_FAILED, OUTCOME_FOREIGN, OUTCOME_GONE, OUTCOME_HIT, OUTCOME_LEAVING, OUTCOME_NEW,
    OUTCOME_NONE, OUTCOME_PREVIOUS, OUTCOME_SLOT, STATE_DRAINING, STATE_LEAVING, TRAIT_CURRENT, Backend, Service, Table,
    TableBuilder, choose_backend, live_tables,
)

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *object)
    PyObject *PyList_GET_ITEM(object list, Py_ssize_t at)

cdef long _live_exchanges = 0

include "relay/descriptor.pxi"
include "relay/reading.pxi"
include "relay/peer.pxi"
include "relay/own_answers.pxi"
include "relay/counting.pxi"
include "relay/access.pxi"
include "relay/rewrite.pxi"
include "relay/admission.pxi"
include "relay/client.pxi"
include "relay/health.pxi"
include "relay/parking.pxi"
include "relay/queueing.pxi"
include "relay/pool.pxi"
include "relay/upstream.pxi"
include "relay/exchange.pxi"
include "relay/answer.pxi"
include "relay/publishing.pxi"
include "relay/relay.pxi"
