"""HTTP/1.1 parser: heads, framing and chunked bodies, strict and in place (RFC 9110, RFC 9112).

Owns nothing: it reads the caller's bytes and fills the caller's structures. It knows no sockets, no routes and no policy
beyond "one reading or none": whatever two implementations could read differently is refused.

A head is scanned once, from left to right, without looking ahead, so that a head that arrives in pieces is refused at the
same byte, with the same code, as one that arrives whole.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy, memset

from faststicky.core._span cimport (
    FS_DIGIT, FS_HEX, FS_HOST, FS_TCHAR, fs_class, fs_classes_init, fs_same, fs_target_end, fs_token_end, fs_value_end,
)

cdef extern from "<arpa/inet.h>" nogil:
    enum: AF_INET6
    enum: INET6_ADDRSTRLEN
    int inet_pton(int family, const char *text, void *address) noexcept

fs_classes_init()

cdef enum:
    CR = 13
    LF = 10
    SP = 32
    HTAB = 9
    LONGEST_METHOD = 32
    LONGEST_NAME = 255
    MOST_LENGTH_DIGITS = 18
    MOST_CHUNK_DIGITS = 16
    MOST_EXTENSIONS = 4096
    MOST_TRAILER = 8192
    MOST_CONNECTION = 1024    # bytes of all Connection fields: each field is looked up in them


cdef inline int _bad(head_t *head, int code, const uint8_t *data, const uint8_t *at) noexcept nogil:
    head.error.code = code
    head.error.at = <uint32_t>(at - data)
    return H1_BAD


cdef inline int _stopped(
    head_t *head, int code, const uint8_t *data, const uint8_t *p, const uint8_t *end, Py_ssize_t size, const limits_t *limits
) noexcept nogil:
    """A scan used up its line's allowance or the input: more is needed, or `code`, or the head is too large."""
    if p < end:
        return _bad(head, code, data, p)
    if size >= limits.head:
        return _bad(head, E_HEAD_TOO_LARGE, data, p)
    return H1_MORE


include "h1/errors.pxi"
include "h1/values.pxi"
include "h1/fields.pxi"
include "h1/request.pxi"
include "h1/response.pxi"
include "h1/chunked.pxi"


# ---------------------------------------------------------------- windows for tests and tools

class H1Error(Exception):
    """A message that must be refused: status to answer, short code, offset of the first offending byte."""

    def __init__(self, status, code, position):
        super().__init__(f"{status} {code} at byte {position}")
        self.status = status
        self.code = code
        self.position = position


_FRAMINGS = ("none", "length", "chunked", "close")


cdef inline bytes _slice(bytes data, span_t span):
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + span.at, span.size)


cdef dict _common(bytes data, const head_t *head):
    cdef uint32_t i
    return {
        "length": head.length,
        "version": 10 if head.version == 10 else 11,
        "fields": [(_slice(data, head.fields[i].name), _slice(data, head.fields[i].value)) for i in range(head.count)],
        "framing": _FRAMINGS[head.framing],
        "content_length": head.content_length,
    }


def request_head(bytes data not None, uint32_t max_head=32768, uint32_t max_line=8192, uint32_t max_fields=100):
    """The head at the start of `data` as a dictionary; None when more bytes are needed. Raises H1Error."""
    cdef head_t head
    cdef limits_t limits
    cdef bytes path
    limits.head, limits.line, limits.fields = max_head, max_line, max_fields
    cdef int result = h1_request(<const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &limits, &head)
    if result == H1_MORE:
        return None
    if result == H1_BAD:
        raise H1Error(h1_status_of(head.error.code), h1_name_of(head.error.code), head.error.at)
    path = _slice(data, head.path)
    if head.flags & HEAD_ABSOLUTE and not path.startswith(b"/"):
        path = b"*" if not path and head.method == METHOD_OPTIONS else b"/" + path
    found = _common(data, &head)
    found.update(
        method=_slice(data, head.word),
        target=_slice(data, head.target),
        path=path,
        host=_slice(data, head.host),
        keep_alive=head.version > 10 and not head.flags & HEAD_CLOSE,
        expect_continue=bool(head.flags & HEAD_EXPECT),
        upgrade=_slice(data, head.upgrade),
    )
    return found


_METHODS = {b"HEAD": METHOD_HEAD, b"CONNECT": METHOD_CONNECT}


def response_head(
    bytes data not None, bytes method=b"GET", uint32_t max_head=65536, uint32_t max_line=16384, uint32_t max_fields=200
):
    """The head of an answer to a request with this method; None when more bytes are needed. Raises H1Error (status 502)."""
    cdef head_t head
    cdef limits_t limits
    limits.head, limits.line, limits.fields = max_head, max_line, max_fields
    cdef int result = h1_response(
        <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &limits, _METHODS.get(method, METHOD_GET), &head
    )
    if result == H1_MORE:
        return None
    if result == H1_BAD:
        raise H1Error(502, h1_name_of(head.error.code), head.error.at)
    found = _common(data, &head)
    found.update(
        status=head.method,
        reason=_slice(data, head.word),
        keep_alive=bool(
            not head.flags & HEAD_CLOSE
            and head.framing != FRAME_CLOSE
            and (head.version > 10 or head.flags & HEAD_KEEP_ALIVE)
        ),
    )
    return found


cdef class ChunkedBody:
    """Incremental decoder of one chunked body. Memory does not grow with the body."""

    cdef chunk_t chunk
    cdef bytes trailer
    cdef readonly bint done

    def __init__(self, uint32_t max_trailer=MOST_TRAILER, uint32_t max_extensions=MOST_EXTENSIONS):
        h1_chunk_begin(&self.chunk)
        self.chunk.most_trailer = max_trailer
        self.chunk.most_extensions = max_extensions
        self.trailer = b""
        self.done = False

    def feed(self, bytes data not None):
        """Payload found in `data`, and how many bytes of `data` were used (fewer than all once the body is done)."""
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef Py_ssize_t used = 0
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t length = 0
        cdef int event
        payload = []
        while not self.done:
            event = h1_chunk_next(&self.chunk, p, PyBytes_GET_SIZE(data), &used, &at, &length)
            if event == H1_BAD:
                code = self.chunk.error.code
                raise H1Error(h1_status_of(code), h1_name_of(code), self.chunk.error.at)
            if event == CHUNK_DATA:
                payload.append(data[at:at + length])
            elif event == CHUNK_TRAILER:
                self.trailer += data[at:at + length]
            elif event == CHUNK_END:
                self.done = True
            else:
                break
        return b"".join(payload), used

    @property
    def trailers(self):
        """Fields of the trailer section: (name, value without surrounding white space)."""
        lines = self.trailer.split(b"\r\n")
        return [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines if line)]
