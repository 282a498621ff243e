"""The values that decide: methods, names, authorities, lengths, codings, Connection and Upgrade."""

cdef inline bint _is_space(uint8_t c) noexcept nogil:
    return (c == SP) | (c == HTAB)


cdef inline uint8_t _lower(uint8_t c) noexcept nogil:
    return c | 0x20 if c'A' <= c <= c'Z' else c


cdef inline uint32_t _method_of(const uint8_t *p, uint32_t n) noexcept nogil:
    # Methods are case-sensitive (RFC 9110, 9.1): "get" is another method.
    if n == 3:
        if p[0] == c'G' and p[1] == c'E' and p[2] == c'T':
            return METHOD_GET
        if p[0] == c'P' and p[1] == c'U' and p[2] == c'T':
            return METHOD_PUT
    elif n == 4:
        if p[0] == c'P' and p[1] == c'O' and p[2] == c'S' and p[3] == c'T':
            return METHOD_POST
        if p[0] == c'H' and p[1] == c'E' and p[2] == c'A' and p[3] == c'D':
            return METHOD_HEAD
    elif n == 5:
        if p[0] == c'T' and p[1] == c'R' and p[2] == c'A' and p[3] == c'C' and p[4] == c'E':
            return METHOD_TRACE
    elif n == 6:
        if p[0] == c'D' and p[1] == c'E' and p[2] == c'L' and p[3] == c'E' and p[4] == c'T' and p[5] == c'E':
            return METHOD_DELETE
    elif n == 7:
        if p[0] == c'O' and p[1] == c'P' and p[2] == c'T' and p[3] == c'I' and p[4] == c'O' and p[5] == c'N' and p[6] == c'S':
            return METHOD_OPTIONS
        if p[0] == c'C' and p[1] == c'O' and p[2] == c'N' and p[3] == c'N' and p[4] == c'E' and p[5] == c'C' and p[6] == c'T':
            return METHOD_CONNECT
    return METHOD_OTHER


cdef uint32_t _field_of(const uint8_t *p, uint32_t n) noexcept nogil:
    if n > 12 and (p[0] | 0x20) == c'x' and fs_same(p, "x-forwarded-", 12):
        return FIELD_X_FORWARDED_FOR if n == 15 and fs_same(p + 12, "for", 3) else FIELD_FORWARDED
    if n == 2:
        if fs_same(p, "te", 2):
            return FIELD_HOP
    elif n == 3:
        if fs_same(p, "via", 3):
            return FIELD_VIA
    elif n == 4:
        if fs_same(p, "host", 4):
            return FIELD_HOST
        if fs_same(p, "date", 4):
            return FIELD_DATE
    elif n == 6:
        if fs_same(p, "cookie", 6):
            return FIELD_COOKIE
        if fs_same(p, "expect", 6):
            return FIELD_EXPECT
    elif n == 7:
        if fs_same(p, "upgrade", 7):
            return FIELD_UPGRADE
    elif n == 9:
        if fs_same(p, "forwarded", 9) or fs_same(p, "x-real-ip", 9):
            return FIELD_FORWARDED
    elif n == 10:
        if fs_same(p, "connection", 10):
            return FIELD_CONNECTION
        if fs_same(p, "set-cookie", 10):
            return FIELD_SET_COOKIE
        if fs_same(p, "user-agent", 10):
            return FIELD_USER_AGENT
        if fs_same(p, "keep-alive", 10):
            return FIELD_HOP
    elif n == 12:
        if fs_same(p, "x-request-id", 12):
            return FIELD_X_REQUEST_ID
    elif n == 13:
        if fs_same(p, "cache-control", 13):
            return FIELD_CACHE_CONTROL
    elif n == 14:
        if fs_same(p, "content-length", 14):
            return FIELD_CONTENT_LENGTH
        if fs_same(p, "http2-settings", 14):
            return FIELD_HOP
    elif n == 16:
        if fs_same(p, "proxy-connection", 16):
            return FIELD_HOP
    elif n == 17:
        if fs_same(p, "transfer-encoding", 17):
            return FIELD_TRANSFER_ENCODING
    elif n == 18:
        if fs_same(p, "proxy-authenticate", 18):
            return FIELD_HOP
    elif n == 19:
        if fs_same(p, "proxy-authorization", 19):
            return FIELD_HOP
    return FIELD_OTHER


cdef bint _is_host(const uint8_t *p, uint32_t n) noexcept nogil:
    """uri-host [ ":" port ] (RFC 9110, 7.2; RFC 3986, 3.2.2), not empty, without userinfo."""
    cdef uint32_t i = 0
    cdef uint32_t port = 0
    cdef char literal[INET6_ADDRSTRLEN + 1]
    cdef uint8_t address[16]
    if n == 0:
        return False
    if p[0] == c'[':
        while i < n and p[i] != c']':
            i += 1
        if i == n or i > INET6_ADDRSTRLEN:
            return False
        memcpy(literal, p + 1, i - 1)
        literal[i - 1] = 0
        if inet_pton(AF_INET6, literal, address) != 1:
            return False
        i += 1
    else:
        while True:
            while i < n and fs_class[p[i]] & FS_HOST:
                i += 1
            if i == n or p[i] != c'%':
                break
            if n - i < 3 or not fs_class[p[i + 1]] & FS_HEX or not fs_class[p[i + 2]] & FS_HEX:
                return False
            i += 3
        if i == 0:
            return False
    if i == n:
        return True
    if p[i] != c':' or n - i > 6:
        return False
    i += 1
    while i < n:
        if not fs_class[p[i]] & FS_DIGIT:
            return False
        port = port * 10 + (p[i] - c'0')
        i += 1
    return port <= 65535


cdef uint32_t _without_port(const uint8_t *p, uint32_t n, uint32_t default) noexcept nogil:
    """Length of an authority without the scheme's default port."""
    cdef uint32_t i = n
    cdef uint32_t port = 0
    cdef uint32_t scale = 1
    while i > 0 and fs_class[p[i - 1]] & FS_DIGIT:
        i -= 1
        port += scale * (p[i] - c'0')
        scale *= 10
    if i == 0 or p[i - 1] != c':':
        return n
    return i - 1 if i == n or port == default else n


cdef int64_t _length_of(const uint8_t *p, uint32_t n) noexcept nogil:
    """1*DIGIT of at most 18 digits behind leading zeros (RFC 9110, 8.6); -1 if it is anything else."""
    cdef int64_t v = 0
    cdef uint32_t i = 0
    while i < n and p[i] == c'0':
        i += 1
    if n == 0 or n - i > MOST_LENGTH_DIGITS:
        return -1
    while i < n:
        if not fs_class[p[i]] & FS_DIGIT:
            return -1
        v = v * 10 + (p[i] - c'0')
        i += 1
    return v


cdef int _coding_of(const uint8_t *p, uint32_t n) noexcept nogil:
    """0 for exactly "chunked"; otherwise the refusal that RFC 9112, 6.1 and 6.3 ask for."""
    cdef uint32_t i = 0
    cdef uint32_t b, e
    cdef uint32_t codings = 0
    cdef bint chunked = False
    if n == 7 and fs_same(p, "chunked", 7):
        return E_NONE
    while True:
        while i < n and _is_space(p[i]):
            i += 1
        b = i
        while i < n and fs_class[p[i]] & FS_TCHAR:
            i += 1
        e = i
        if b == e or chunked:  # an empty element, or something behind chunked
            return E_BAD_TE
        while i < n and _is_space(p[i]):
            i += 1
        chunked = e - b == 7 and fs_same(p + b, "chunked", 7)
        codings += 1
        if i == n:
            break
        if p[i] != c',':
            return E_BAD_TE
        i += 1
    return E_UNKNOWN_CODING if chunked and codings > 1 else E_BAD_TE


cdef uint32_t _connection_flags(const uint8_t *p, uint32_t n) noexcept nogil:
    cdef uint32_t i = 0
    cdef uint32_t b, e
    cdef uint32_t flags = 0
    while i < n:
        while i < n and (_is_space(p[i]) or p[i] == c','):
            i += 1
        b = i
        while i < n and p[i] != c',':
            i += 1
        e = i
        while e > b and _is_space(p[e - 1]):
            e -= 1
        if e == b:
            continue
        if e - b == 5 and fs_same(p + b, "close", 5):
            flags |= HEAD_CLOSE
        elif e - b == 10 and fs_same(p + b, "keep-alive", 10):
            flags |= HEAD_KEEP_ALIVE
        elif e - b == 7 and fs_same(p + b, "upgrade", 7):
            flags |= HEAD_UPGRADE
        else:
            flags |= HEAD_NAMES
    return flags


cdef bint h1_named_by_connection(const uint8_t *data, const head_t *head, const field_t *field) noexcept nogil:
    """True if a Connection field names this field, which is then hop-by-hop (RFC 9110, 7.6.1)."""
    cdef uint32_t k, i, b, e, n
    cdef const uint8_t *p
    cdef const uint8_t *name = data + field.name.at
    for k in range(head.count):
        if head.fields[k].id != FIELD_CONNECTION:
            continue
        p = data + head.fields[k].value.at
        n = head.fields[k].value.size
        i = 0
        while i < n:
            while i < n and (_is_space(p[i]) or p[i] == c','):
                i += 1
            b = i
            while i < n and p[i] != c',':
                i += 1
            e = i
            while e > b and _is_space(p[e - 1]):
                e -= 1
            if e - b == field.name.size:
                while b < e and _lower(p[b]) == _lower(name[0]):
                    b += 1
                    name += 1
                if b == e:
                    return True
                name = data + field.name.at
    return False


cdef bint _is_protocol_list(const uint8_t *p, uint32_t n) noexcept nogil:
    """A value of Upgrade that may go to a backend: protocols (RFC 9110, 7.8) without h2c, which nobody may be upgraded to
    through a proxy that would go on reading HTTP/1.1."""
    cdef uint32_t i = 0
    cdef uint32_t b
    if n == 0:
        return False
    while True:
        b = i
        while i < n and fs_class[p[i]] & FS_TCHAR:
            i += 1
        if b == i or (i - b == 3 and fs_same(p + b, "h2c", 3)):
            return False
        if i < n and p[i] == c'/':
            i += 1
            b = i
            while i < n and fs_class[p[i]] & FS_TCHAR:
                i += 1
            if b == i:
                return False
        while i < n and _is_space(p[i]):
            i += 1
        if i == n:
            return True
        if p[i] != c',':
            return False
        i += 1
        while i < n and _is_space(p[i]):
            i += 1
