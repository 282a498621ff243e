"""Field lines of a head (RFC 9112, section 5)."""

cdef inline int _name_error(uint8_t c) noexcept nogil:
    """What is wrong with a field name that goes on with `c`."""
    if _is_space(c):
        return E_SPACE_IN_NAME
    if c == CR:
        return E_NO_COLON
    return E_BARE_LF if c == LF else E_BAD_NAME


cdef bint _is_disguised(const uint8_t *name, uint32_t size) noexcept nogil:
    """True if applications that turn "-" and "_" into one (CGI and its heirs) read this name as one that proxies know:
    X_Forwarded_For, Content_Length."""
    cdef uint8_t plain[32]  # longer than every known name but X-Forwarded-*, of which the beginning says enough
    cdef uint32_t n = size if size < 32 else 32
    cdef uint32_t i
    for i in range(n):
        plain[i] = c'-' if name[i] == c'_' else name[i]
    return _field_of(plain, n) != FIELD_OTHER


cdef int _fields(
    const uint8_t *data, const uint8_t *p, const uint8_t *end, Py_ssize_t size, const limits_t *limits, head_t *head
) noexcept nogil:
    """Field lines up to and with the empty line (RFC 9112, 5). Fills fields, count, flags of Connection, length."""
    cdef const uint8_t *line
    cdef const uint8_t *stop
    cdef const uint8_t *value
    cdef const uint8_t *tail
    cdef field_t *field
    cdef uint32_t id
    cdef uint32_t options = 0
    cdef int plain = 0
    head.first_field = <uint32_t>(p - data)
    while True:
        if p == end:
            return _stopped(head, E_HEAD_TOO_LARGE, data, p, end, size, limits)
        line = p
        if p[0] == CR:
            if p + 1 == end:
                return _stopped(head, E_HEAD_TOO_LARGE, data, p + 1, end, size, limits)
            if p[1] != LF:
                return _bad(head, E_BARE_CR, data, p)
            head.length = <uint32_t>(p + 2 - data)
            return H1_OK
        if p[0] == LF:
            return _bad(head, E_BARE_LF, data, p)
        if _is_space(p[0]):
            # RFC 9112, 2.2 and 5.2: white space before the first field, or a folded line
            return _bad(head, E_OBS_FOLD if head.count else E_LEADING_SPACE, data, p)
        if head.count == limits.fields or head.count == H1_FIELDS:
            return _bad(head, E_TOO_MANY_FIELDS, data, p)
        stop = line + limits.line if end - line > <Py_ssize_t>limits.line else end
        field = &head.fields[head.count]

        p = fs_token_end(p, stop, &plain)
        if p - line > LONGEST_NAME:
            return _bad(head, E_BAD_NAME, data, line + LONGEST_NAME)
        if p == stop:
            return _stopped(head, E_FIELD_TOO_LONG, data, p, end, size, limits)
        if p[0] != c':':
            return _bad(head, _name_error(p[0]), data, p)
        if p == line:
            return _bad(head, E_EMPTY_NAME, data, p)
        field.name.at = <uint32_t>(line - data)
        field.name.size = <uint32_t>(p - line)

        p += 1
        while p < stop and _is_space(p[0]):
            p += 1
        value = p
        p = fs_value_end(p, stop)
        if p == end:
            return _stopped(head, E_FIELD_TOO_LONG, data, p, end, size, limits)
        if p[0] != CR:
            if p == stop:
                return _bad(head, E_FIELD_TOO_LONG, data, p)
            return _bad(head, E_BARE_LF if p[0] == LF else E_BAD_VALUE, data, p)
        if p + 1 == end:
            return _stopped(head, E_HEAD_TOO_LARGE, data, p + 1, end, size, limits)
        if p[1] != LF:
            return _bad(head, E_BARE_CR, data, p)
        tail = p
        while tail > value and _is_space((tail - 1)[0]):
            tail -= 1
        field.value.at = <uint32_t>(value - data)
        field.value.size = <uint32_t>(tail - value)
        p += 2
        field.end = <uint32_t>(p - data)
        id = _field_of(line, field.name.size)
        if id == FIELD_OTHER and not plain and memchr(line, c'_', field.name.size) != NULL:
            id = FIELD_HOP if _is_disguised(line, field.name.size) else FIELD_UNDERSCORE
        elif id == FIELD_CONNECTION:
            options += field.value.size
            if options > MOST_CONNECTION:
                return _bad(head, E_FIELD_TOO_LONG, data, value)
            head.flags |= _connection_flags(value, field.value.size)
        field.id = id
        head.count += 1
