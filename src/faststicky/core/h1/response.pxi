"""Heads of answers (RFC 9112, sections 4 and 6)."""


cdef int h1_response(
    const uint8_t *data, Py_ssize_t size, const limits_t *limits, uint32_t method, head_t *head
) noexcept nogil:
    """Parse the head of an answer to a request with `method`. head.method becomes the status, 100 to 999."""
    cdef const uint8_t *p = data
    cdef const uint8_t *end = data + (size if size < limits.head else limits.head)
    cdef const uint8_t *stop = data + limits.line if end - data > <Py_ssize_t>limits.line else end
    cdef int result
    cdef uint32_t status = 0
    cdef int i
    head.error.code = E_NONE
    head.flags = 0
    head.count = 0
    head.start = 0
    head.framing = FRAME_NONE
    head.content_length = -1
    head.host.at = head.host.size = 0
    head.upgrade.at = head.upgrade.size = 0
    head.word.at = head.word.size = 0

    result = _version(data, &p, stop, head)
    if result == H1_MORE:
        return _stopped(head, E_LINE_TOO_LONG, data, p, end, size, limits)
    if result == H1_BAD:
        return result
    for i in range(4):  # SP 3DIGIT
        if p == stop:
            return _stopped(head, E_LINE_TOO_LONG, data, p, end, size, limits)
        if i == 0:
            if p[0] != SP:
                return _bad(head, E_BARE_LF if p[0] == LF else E_BAD_VERSION, data, p)
            if _supported(data, p - 8, head) != H1_OK:
                return H1_BAD
        elif not fs_class[p[0]] & FS_DIGIT:
            return _bad(head, E_BARE_LF if p[0] == LF else E_BAD_STATUS, data, p)
        else:
            status = status * 10 + (p[0] - c'0')
        p += 1
    if status < 100:
        return _bad(head, E_BAD_STATUS, data, p - 3)
    head.method = status
    if p == end:
        return _stopped(head, E_LINE_TOO_LONG, data, p, end, size, limits)
    if p[0] == SP and p < stop:
        p += 1
        head.word.at = <uint32_t>(p - data)
        p = fs_value_end(p, stop)
        head.word.size = <uint32_t>(p - data) - head.word.at
        if p == end:
            return _stopped(head, E_LINE_TOO_LONG, data, p, end, size, limits)
        if p[0] != CR:
            return _bad(head, E_LINE_TOO_LONG if p == stop else E_BARE_LF if p[0] == LF else E_BAD_REASON, data, p)
    elif p[0] != CR:
        return _bad(head, E_LINE_TOO_LONG if p == stop else E_BARE_LF if p[0] == LF else E_BAD_STATUS, data, p)
    if p + 1 == end:
        return _stopped(head, E_HEAD_TOO_LARGE, data, p + 1, end, size, limits)
    if p[1] != LF:
        return _bad(head, E_BARE_CR, data, p)

    result = _fields(data, p + 2, end, size, limits, head)
    if result != H1_OK:
        return result
    return _response_meaning(data, method, head)


cdef int _response_meaning(const uint8_t *data, uint32_t method, head_t *head) noexcept nogil:
    """Framing of an answer (RFC 9112, 6.3); a doubt is a refusal."""
    cdef uint32_t i
    cdef field_t *field
    cdef field_t *length = NULL
    cdef field_t *coding = NULL
    cdef uint32_t lengths = 0
    cdef uint32_t codings = 0
    cdef uint32_t status = head.method
    cdef int code
    for i in range(head.count):
        field = &head.fields[i]
        if field.id == FIELD_OTHER:
            continue
        if field.id == FIELD_DATE:
            head.flags |= HEAD_DATE
        elif field.id == FIELD_UPGRADE:
            head.upgrade = field.value
        elif field.id == FIELD_CONTENT_LENGTH:
            lengths += 1
            length = field
        elif field.id == FIELD_TRANSFER_ENCODING:
            codings += 1
            coding = field
    if status < 200 or status == 204:
        return H1_OK  # RFC 9112, 6.1: neither field may be there, neither is believed nor forwarded
    if codings:
        if head.version == 10:
            return _bad(head, E_TE_IN_10, data, data + coding.name.at)
        if lengths:
            return _bad(head, E_CL_AND_TE, data, data + length.name.at)
        code = E_BAD_TE if codings > 1 else _coding_of(data + coding.value.at, coding.value.size)
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
    else:
        head.framing = FRAME_CLOSE
    if status == 304 or method == METHOD_HEAD:
        head.framing = FRAME_NONE
    return H1_OK
