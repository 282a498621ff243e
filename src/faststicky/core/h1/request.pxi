"""Request heads (RFC 9112, sections 3 and 6)."""

cdef int h1_request(const uint8_t *data, Py_ssize_t size, const limits_t *limits, head_t *head) noexcept nogil:
    """Parse the request head at the start of `data`. H1_OK: `head` is complete. H1_MORE: call again with more. H1_BAD."""
    cdef const uint8_t *p = data
    cdef const uint8_t *end = data + (size if size < limits.head else limits.head)
    cdef const uint8_t *line
    cdef const uint8_t *stop
    cdef uint32_t empty = 0
    cdef int result
    head.error.code = E_NONE
    head.flags = 0
    head.count = 0
    head.framing = FRAME_NONE
    head.content_length = -1
    head.host.at = head.host.size = 0
    head.agent.at = head.agent.size = 0
    head.upgrade.at = head.upgrade.size = 0

    while True:  # RFC 9112, 2.2: empty lines before a request are skipped
        if p == end:
            return _stopped(head, E_HEAD_TOO_LARGE, data, p, end, size, limits)
        if p[0] != CR:
            break
        if p + 1 == end:
            return _stopped(head, E_HEAD_TOO_LARGE, data, p + 1, end, size, limits)
        if p[1] != LF:
            return _bad(head, E_BARE_CR, data, p)
        if empty == 2:
            return _bad(head, E_EMPTY_LINES, data, p)
        empty += 1
        p += 2
    head.start = <uint32_t>(p - data)
    line = p
    stop = line + limits.line if end - line > <Py_ssize_t>limits.line else end

    while p < stop and fs_class[p[0]] & FS_TCHAR:
        p += 1
    if p - line > LONGEST_METHOD:
        return _bad(head, E_LONG_METHOD, data, line + LONGEST_METHOD)
    if p == stop:
        return _stopped(head, E_LINE_TOO_LONG, data, p, end, size, limits)
    if p == line or p[0] != SP:
        return _bad(head, E_BARE_LF if p[0] == LF else E_BAD_METHOD, data, p)
    head.word.at = head.start
    head.word.size = <uint32_t>(p - line)
    head.method = _method_of(line, head.word.size)
    p += 1

    head.target.at = <uint32_t>(p - data)
    p = fs_target_end(p, stop)
    if p == stop:
        return _stopped(head, E_LINE_TOO_LONG, data, p, end, size, limits)
    head.target.size = <uint32_t>(p - data) - head.target.at
    if head.target.size == 0:
        return _bad(head, E_BARE_LF if p[0] == LF else E_BAD_TARGET, data, p)
    if p[0] != SP:  # "GET /" alone is HTTP/0.9
        return _bad(head, E_NO_VERSION if p[0] == CR else E_BARE_LF if p[0] == LF else E_BAD_TARGET, data, p)
    result = _target_form(data, head)
    if result != H1_OK:
        return result
    p += 1

    result = _version(data, &p, stop, head)
    if result == H1_MORE:
        return _stopped(head, E_LINE_TOO_LONG, data, p, end, size, limits)
    if result == H1_BAD:
        return result
    if p == end:
        return _stopped(head, E_HEAD_TOO_LARGE, data, p, end, size, limits)
    if p[0] != CR:
        return _bad(head, E_LINE_TOO_LONG if p == stop else E_BARE_LF if p[0] == LF else E_BAD_VERSION, data, p)
    if _supported(data, p - 8, head) != H1_OK:
        return H1_BAD
    if p + 1 == end:
        return _stopped(head, E_HEAD_TOO_LARGE, data, p + 1, end, size, limits)
    if p[1] != LF:
        return _bad(head, E_BARE_CR, data, p)

    result = _fields(data, p + 2, end, size, limits, head)
    if result != H1_OK:
        return result
    return _request_meaning(data, head)


cdef int _version(const uint8_t *data, const uint8_t **at, const uint8_t *stop, head_t *head) noexcept nogil:
    """HTTP-version (RFC 9112, 2.3), case-sensitive, one digit each. Advances *at behind it. Its major number is judged
    by _supported, when it is clear that the version ends here."""
    cdef const uint8_t *p = at[0]
    cdef const char *want = "HTTP/"
    cdef int i
    cdef bint fits
    if stop - p >= 8 and memcmp(p, "HTTP/1.", 7) == 0 and fs_class[p[7]] & FS_DIGIT:
        at[0] = p + 8
        head.version = 10 + (p[7] - c'0')
        return H1_OK
    for i in range(8):
        if p + i == stop:
            at[0] = p + i
            return H1_MORE
        if i < 5:
            fits = p[i] == <uint8_t>want[i]
        elif i == 6:
            fits = p[i] == c'.'
        else:
            fits = fs_class[p[i]] & FS_DIGIT != 0
        if not fits:
            return _bad(head, E_BARE_LF if p[i] == LF else E_BAD_VERSION, data, p + i)
    at[0] = p + 8
    head.version = 10 + (p[7] - c'0')
    return H1_OK


cdef inline int _supported(const uint8_t *data, const uint8_t *version, head_t *head) noexcept nogil:
    return H1_OK if version[5] == c'1' else _bad(head, E_UNSUPPORTED_VERSION, data, version + 5)


cdef int _target_form(const uint8_t *data, head_t *head) noexcept nogil:
    """The four forms of request-target (RFC 9112, 3.2): which one it is, and the path in it."""
    cdef const uint8_t *p = data + head.target.at
    cdef uint32_t n = head.target.size
    cdef uint32_t scheme, i
    cdef bint port = False
    head.path = head.target
    if head.method == METHOD_CONNECT:
        i = n
        while i > 0 and fs_class[p[i - 1]] & FS_DIGIT:
            i -= 1
            port = port or p[i] != c'0'
        if not port or not _is_host(p, n) or i == 0 or p[i - 1] != c':':
            return _bad(head, E_BAD_TARGET, data, p)
        return H1_OK
    if p[0] == c'/':
        return H1_OK
    if n == 1 and p[0] == c'*':
        return H1_OK if head.method == METHOD_OPTIONS else _bad(head, E_BAD_TARGET, data, p)
    if n > 7 and fs_same(p, "http://", 7):
        scheme = 7
    elif n > 8 and fs_same(p, "https://", 8):
        scheme = 8
    else:
        return _bad(head, E_BAD_TARGET, data, p)
    head.flags |= HEAD_ABSOLUTE
    i = scheme
    while i < n and p[i] != c'/' and p[i] != c'?':
        i += 1
    if not _is_host(p + scheme, i - scheme):
        return _bad(head, E_BAD_TARGET, data, p + scheme)
    head.path.at = head.target.at + i
    head.path.size = n - i
    return H1_OK


cdef int _request_meaning(const uint8_t *data, head_t *head) noexcept nogil:
    """What a syntactically complete request says: host, framing, expectation, upgrade.

    The conditions are judged in a fixed order (Host, then framing, then Expect), whatever the order of the fields.
    """
    cdef uint32_t i
    cdef field_t *field
    cdef field_t *length = NULL
    cdef field_t *coding = NULL
    cdef field_t *expect = NULL
    cdef uint32_t hosts = 0
    cdef uint32_t lengths = 0
    cdef uint32_t codings = 0
    cdef uint32_t expects = 0
    cdef uint32_t upgrades = 0
    cdef int code
    for i in range(head.count):
        field = &head.fields[i]
        if field.id == FIELD_OTHER:
            continue
        if field.id == FIELD_HOST:
            hosts += 1
            head.host = field.value
        elif field.id == FIELD_COOKIE:
            head.flags |= HEAD_COOKIE
        elif field.id == FIELD_USER_AGENT:
            head.agent = field.value
        elif field.id == FIELD_CONTENT_LENGTH:
            lengths += 1
            length = field
        elif field.id == FIELD_TRANSFER_ENCODING:
            codings += 1
            coding = field
        elif field.id == FIELD_EXPECT:
            expects += 1
            expect = field
        elif field.id == FIELD_UPGRADE:
            upgrades += 1
            head.upgrade = field.value

    if hosts != 1:
        if hosts > 1:
            return _bad(head, E_DUPLICATE_HOST, data, data + head.host.at)
        if head.version > 10:
            return _bad(head, E_MISSING_HOST, data, data + head.length - 2)
    elif not _is_host(data + head.host.at, head.host.size):
        return _bad(head, E_BAD_HOST, data, data + head.host.at)
    if head.flags & HEAD_ABSOLUTE:
        if _take_authority(data, head) != H1_OK:
            return H1_BAD

    if codings:
        if head.version == 10:
            return _bad(head, E_TE_IN_10, data, data + coding.name.at)
        if lengths:
            return _bad(head, E_CL_AND_TE, data, data + length.name.at)
        if codings > 1:
            return _bad(head, E_BAD_TE, data, data + coding.name.at)
        code = _coding_of(data + coding.value.at, coding.value.size)
        if code:
            return _bad(head, code, data, data + coding.value.at)
        head.flags |= HEAD_CHUNKED
        head.framing = FRAME_CHUNKED
    elif lengths:
        if lengths > 1:
            return _bad(head, E_DUPLICATE_LENGTH, data, data + length.name.at)
        head.content_length = _length_of(data + length.value.at, length.value.size)
        if head.content_length < 0:
            return _bad(head, E_BAD_LENGTH, data, data + length.value.at)
        head.flags |= HEAD_LENGTH
        head.framing = FRAME_LENGTH

    if expects and head.version > 10:  # RFC 9110, 10.1.1: ignored on 1.0
        if expects > 1 or expect.value.size != 12 or not fs_same(data + expect.value.at, "100-continue", 12):
            return _bad(head, E_UNKNOWN_EXPECTATION, data, data + expect.value.at)
        head.flags |= HEAD_EXPECT
    if (
        upgrades != 1
        or head.version == 10
        or not head.flags & HEAD_UPGRADE
        or not _is_protocol_list(data + head.upgrade.at, head.upgrade.size)
    ):
        head.upgrade.size = 0
    return H1_OK


cdef int _take_authority(const uint8_t *data, head_t *head) noexcept nogil:
    """The host of an absolute-form target wins over Host (RFC 9112, 3.2.2); two that differ are two readings: refused."""
    cdef uint32_t scheme = 7 if data[head.target.at + 4] == c':' else 8
    cdef uint32_t default = 80 if scheme == 7 else 443
    cdef const uint8_t *mine = data + head.target.at + scheme
    cdef uint32_t n = head.path.at - head.target.at - scheme
    cdef uint32_t a, b
    if head.host.size:
        a = _without_port(data + head.host.at, head.host.size, default)
        b = _without_port(mine, n, default)
        if a != b or not _same_nocase(data + head.host.at, mine, a):
            return _bad(head, E_HOST_MISMATCH, data, data + head.host.at)
    head.host.at = head.target.at + scheme
    head.host.size = n
    return H1_OK


cdef bint _same_nocase(const uint8_t *a, const uint8_t *b, uint32_t n) noexcept nogil:
    cdef uint32_t i
    for i in range(n):
        if _lower(a[i]) != _lower(b[i]):
            return False
    return True
