"""HTTP/1.1 heads, framing and chunks: structures and C functions of the parser (RFC 9110, RFC 9112).

The parser works in place: a head is described by spans into the caller's buffer, no Python object is made. All functions
answer H1_OK, H1_MORE or H1_BAD; after H1_BAD the `error_t` says what, where, and with which status.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from faststicky.core._span cimport span_t

cdef enum:
    H1_OK = 1
    H1_MORE = 0
    H1_BAD = -1
    H1_FIELDS = 256           # room for fields; limits_t.fields may be less

cdef enum framing_t:
    FRAME_NONE = 0            # no body
    FRAME_LENGTH = 1          # Content-Length
    FRAME_CHUNKED = 2         # Transfer-Encoding: chunked
    FRAME_CLOSE = 3           # an answer that ends with its connection

cdef enum method_t:           # the methods that a proxy must know by name
    METHOD_OTHER = 0
    METHOD_GET = 1
    METHOD_HEAD = 2
    METHOD_POST = 3
    METHOD_PUT = 4
    METHOD_DELETE = 5
    METHOD_OPTIONS = 6
    METHOD_TRACE = 7
    METHOD_CONNECT = 8

cdef enum field_id:           # the fields that a proxy must know by name
    FIELD_OTHER = 0
    FIELD_HOST
    FIELD_CONTENT_LENGTH
    FIELD_TRANSFER_ENCODING
    FIELD_CONNECTION
    FIELD_UPGRADE
    FIELD_EXPECT
    FIELD_COOKIE
    FIELD_SET_COOKIE
    FIELD_DATE
    FIELD_CACHE_CONTROL
    FIELD_USER_AGENT
    FIELD_VIA
    FIELD_FORWARDED           # Forwarded and X-Forwarded-*, X-Real-IP: what tells of clients
    FIELD_X_FORWARDED_FOR
    FIELD_X_REQUEST_ID
    FIELD_HOP                 # other hop-by-hop fields: never forwarded
    FIELD_UNDERSCORE          # an unknown name with "_" in it

cdef enum head_flag:
    HEAD_CLOSE = 1            # Connection: close
    HEAD_KEEP_ALIVE = 2       # Connection: keep-alive
    HEAD_UPGRADE = 4          # Connection: upgrade
    HEAD_NAMES = 8            # Connection names other fields
    HEAD_EXPECT = 16          # Expect: 100-continue
    HEAD_LENGTH = 32          # Content-Length was there
    HEAD_COOKIE = 64
    HEAD_DATE = 128
    HEAD_ABSOLUTE = 256       # absolute-form target
    HEAD_CHUNKED = 512        # Transfer-Encoding was there (and is chunked)

cdef struct field_t:
    span_t name
    span_t value
    uint32_t end              # offset behind the line's CRLF
    uint32_t id               # field_id

cdef struct error_t:
    int code                  # index into ERRORS
    uint32_t at               # offset of the first offending byte

cdef struct limits_t:
    uint32_t head
    uint32_t line
    uint32_t fields

cdef struct head_t:
    error_t error
    uint32_t start            # behind skipped empty lines
    uint32_t length           # of the whole head from offset 0, with its empty line
    uint32_t first_field      # offset of the first field line
    uint32_t version          # 10 or 11; 12 to 19 count as 11
    uint32_t flags            # head_flag
    uint32_t method           # method_t; for an answer the status
    uint32_t framing          # framing_t
    span_t word               # the method as sent; for an answer the reason phrase
    span_t target             # as sent
    span_t path               # what is routed and forwarded (empty: "/" must be put before the query, or alone)
    span_t host               # authority that is routed and forwarded
    span_t agent              # value of User-Agent
    span_t upgrade            # value of Upgrade, empty unless it is in force
    int64_t content_length    # -1: none
    uint32_t count
    field_t fields[H1_FIELDS]

cdef enum chunk_event:
    CHUNK_MORE = 0            # all input used
    CHUNK_DATA = 1            # a piece of payload
    CHUNK_TRAILER = 2         # a piece of the trailer section, as received
    CHUNK_END = 3             # the body is complete; what follows is another message

cdef struct chunk_t:
    error_t error
    uint32_t state
    uint32_t digits
    uint32_t extensions       # bytes of extensions so far
    uint32_t trailer          # bytes of the trailer section so far
    uint32_t most_extensions
    uint32_t most_trailer
    uint64_t size             # what is left of the current chunk
    uint64_t payload          # bytes of payload so far

cdef int h1_request(const uint8_t *data, Py_ssize_t size, const limits_t *limits, head_t *head) noexcept nogil
cdef int h1_response(const uint8_t *data, Py_ssize_t size, const limits_t *limits, uint32_t method, head_t *head) noexcept nogil
cdef bint h1_named_by_connection(const uint8_t *data, const head_t *head, const field_t *field) noexcept nogil
cdef void h1_chunk_begin(chunk_t *chunk) noexcept nogil
cdef int h1_chunk_next(chunk_t *chunk, const uint8_t *data, Py_ssize_t size, Py_ssize_t *used, Py_ssize_t *at,
                       Py_ssize_t *length) noexcept nogil
cdef int h1_status_of(int code) noexcept nogil

cdef inline uint32_t h1_counted(uint32_t status) noexcept nogil:
    """What a status is counted as: one above 599 is none of HTTP's, and is to be taken for a 5xx (RFC 9110, 15)."""
    return status if status < 600 else 599

cdef str h1_name_of(int code)
