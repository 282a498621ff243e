"""Every reason to refuse a message: code, and status towards a client that sent it."""

cdef enum:
    E_NONE = 0
    E_BARE_LF
    E_BARE_CR
    E_EMPTY_LINES
    E_HEAD_TOO_LARGE
    E_LINE_TOO_LONG
    E_FIELD_TOO_LONG
    E_TOO_MANY_FIELDS
    E_BAD_METHOD
    E_LONG_METHOD
    E_BAD_TARGET
    E_NO_VERSION
    E_BAD_VERSION
    E_UNSUPPORTED_VERSION
    E_BAD_STATUS
    E_BAD_REASON
    E_LEADING_SPACE
    E_OBS_FOLD
    E_EMPTY_NAME
    E_SPACE_IN_NAME
    E_NO_COLON
    E_BAD_NAME
    E_BAD_VALUE
    E_MISSING_HOST
    E_DUPLICATE_HOST
    E_BAD_HOST
    E_HOST_MISMATCH
    E_TE_IN_10
    E_CL_AND_TE
    E_BAD_TE
    E_UNKNOWN_CODING
    E_DUPLICATE_LENGTH
    E_BAD_LENGTH
    E_UNKNOWN_EXPECTATION
    E_BAD_CHUNK_SIZE
    E_BAD_CHUNK_EXTENSION
    E_EXTENSIONS_TOO_LARGE
    E_BAD_CHUNK_END
    E_TRAILER_TOO_LARGE

# (name, status towards a client that sent it), in the order of the enum; a backend's faults are always 502
ERRORS = (
    ("none", 500),
    ("bare-lf", 400),
    ("bare-cr", 400),
    ("empty-lines", 400),
    ("head-too-large", 431),
    ("line-too-long", 414),
    ("field-too-long", 431),
    ("too-many-fields", 431),
    ("bad-method", 400),
    ("long-method", 501),
    ("bad-target", 400),
    ("no-version", 400),
    ("bad-version", 400),
    ("unsupported-version", 505),
    ("bad-status", 400),
    ("bad-reason", 400),
    ("leading-space", 400),
    ("obs-fold", 400),
    ("empty-name", 400),
    ("space-in-name", 400),
    ("no-colon", 400),
    ("bad-name", 400),
    ("bad-value", 400),
    ("missing-host", 400),
    ("duplicate-host", 400),
    ("bad-host", 400),
    ("host-mismatch", 400),
    ("te-in-1.0", 400),
    ("cl-and-te", 400),
    ("bad-te", 400),
    ("unknown-coding", 501),
    ("duplicate-length", 400),
    ("bad-length", 400),
    ("unknown-expectation", 417),
    ("bad-chunk-size", 400),
    ("bad-chunk-extension", 400),
    ("extensions-too-large", 400),
    ("bad-chunk-end", 400),
    ("trailer-too-large", 431),
)

CODES = dict(ERRORS[1:])

cdef int _statuses[64]
for _code, (_name, _status) in enumerate(ERRORS):
    _statuses[_code] = _status


cdef int h1_status_of(int code) noexcept nogil:
    return _statuses[code]


cdef str h1_name_of(int code):
    return ERRORS[code][0]
