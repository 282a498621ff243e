"""Heads on their way through: what is kept is copied in runs, what is ours is written behind it.

Room: `Relay.out` holds the largest head twice and what we add (see Relay.__init__), so no step here checks for space.
"""


cdef inline uint8_t *put(uint8_t *out, const void *data, size_t size) noexcept:
    memcpy(out, data, size)
    return out + size


cdef inline uint8_t *put_bytes(uint8_t *out, bytes data):
    return put(out, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef inline uint8_t *put_span(uint8_t *out, const uint8_t *data, span_t span) noexcept:
    return put(out, data + span.at, span.size)


cdef inline uint8_t *put_text(uint8_t *out, const char *text) noexcept:
    """A literal: the compiler knows its length."""
    return put(out, text, strlen(text))


# ---------------------------------------------------------------- requests

cdef inline bint goes_up(Relay relay, Exchange x, const uint8_t *data, const head_t *head, const field_t *field) noexcept:
    """True if a request's field is forwarded as it is."""
    if field.id != FIELD_OTHER:
        if field.id == FIELD_COOKIE:
            return not x.has_cookie
        if field.id == FIELD_HOST:
            return not head.flags & HEAD_ABSOLUTE and x.service.pass_host_header
        if field.id == FIELD_EXPECT:
            return head.version > 10
        if field.id == FIELD_FORWARDED:
            return x.client.trusted
        if field.id == FIELD_X_REQUEST_ID:
            if relay.request_id:
                return x.client.trusted
        elif field.id == FIELD_VIA:
            if relay.via is not None:
                return False
        elif field.id == FIELD_UNDERSCORE:
            if not relay.underscores:
                return False
        elif not (field.id == FIELD_USER_AGENT or field.id == FIELD_SET_COOKIE or field.id == FIELD_CACHE_CONTROL
                  or field.id == FIELD_DATE):
            # Connection, Keep-Alive, TE, ...: this hop's. Framing, Upgrade, X-Forwarded-For: written anew by us.
            return False
    elif head.method == METHOD_OPTIONS and field.name.size == 12 and fs_same(data + field.name.at, "max-forwards", 12):
        if max_forwards(data, head) >= 0:
            return False  # one less is written by us
    # What Connection names is the client's hop's too (RFC 9110, 7.6.1); our own fields are written after this.
    return not (head.flags & HEAD_NAMES and h1_named_by_connection(data, head, field))


cdef Py_ssize_t build_request(Relay relay, Exchange x, const uint8_t *data, const head_t *head) except -1:
    """The head of x's request as the backend gets it, in relay.out; its size."""
    cdef uint8_t *out = relay.out
    cdef const field_t *field
    cdef uint32_t i, size
    cdef uint32_t run = head.first_field
    cdef uint32_t last = head.first_field
    out = put_span(out, data, head.word)
    out[0] = c' '
    out += 1
    if head.flags & HEAD_ABSOLUTE and (head.path.size == 0 or data[head.path.at] != c'/'):
        out[0] = c'*' if head.path.size == 0 and head.method == METHOD_OPTIONS else c'/'
        out += 1
    out = put_span(out, data, head.path)
    out = put_text(out, " HTTP/1.1\r\n")
    if head.flags & HEAD_ABSOLUTE or not x.service.pass_host_header or head.host.size == 0:
        out = put_text(out, "Host: ")
        if x.service.pass_host_header and head.host.size:
            out = put_span(out, data, head.host)
        else:
            out = put_bytes(out, (<Upstream>x.backend.upstream).authority)
        out = put_text(out, "\r\n")
    for i in range(head.count):
        field = &head.fields[i]
        if not goes_up(relay, x, data, head, field):
            out = put(out, data + run, field.name.at - run)
            run = field.end
            if field.id == FIELD_COOKIE:
                size = cookie_strip(
                    data + field.value.at, field.value.size, <const uint8_t *>PyBytes_AS_STRING(x.service.cookie_name),
                    <uint32_t>PyBytes_GET_SIZE(x.service.cookie_name),
                    x.cookie_at - field.value.at if field.value.at < x.cookie_at < field.end else 0, out + 8
                )
                if size:
                    put_text(out, "Cookie: ")
                    out = put_text(out + 8 + size, "\r\n")
        last = field.end
    out = put(out, data + run, last - run)
    out = put_forwarding(relay, x, data, head, out)
    if head.framing == FRAME_CHUNKED:
        out = put_text(out, "Transfer-Encoding: chunked\r\n")
    elif head.framing == FRAME_LENGTH:
        out = put_text(out, "Content-Length: ")
        out += fs_put_decimal(out, head.content_length)
        out = put_text(out, "\r\n")
    if x.upgrade is not None:
        out = put_text(out, "Connection: upgrade\r\nUpgrade: ")
        out = put_bytes(out, x.upgrade)
        out = put_text(out, "\r\n")
    out = put_text(out, "\r\n")
    return out - relay.out


cdef uint8_t *put_forwarding(Relay relay, Exchange x, const uint8_t *data, const head_t *head, uint8_t *out) except NULL:
    """Who the client is. From a trusted peer its own list is kept and ours appended (X-Forwarded-For) or kept alone."""
    cdef Client client = x.client
    out = put_text(out, "X-Forwarded-For: ")
    if client.trusted:
        out = put_list(out, data, head, FIELD_X_FORWARDED_FOR)
    out = put(out, client.address, client.address_size)
    out = put_text(out, "\r\n")
    if not client.trusted or not carries(data, head, "x-real-ip", 9):
        out = put_text(out, "X-Real-IP: ")
        out = put(out, client.address, client.address_size)
        out = put_text(out, "\r\n")
    if not client.trusted or not carries(data, head, "x-forwarded-proto", 17):
        out = put_text(out, "X-Forwarded-Proto: http\r\n")
    if head.host.size and (not client.trusted or not carries(data, head, "x-forwarded-host", 16)):
        out = put_text(out, "X-Forwarded-Host: ")
        out = put_span(out, data, head.host)
        out = put_text(out, "\r\n")
    if not client.trusted or not carries(data, head, "x-forwarded-port", 16):
        out = put_text(out, "X-Forwarded-Port: ")
        out = put(out, client.port, client.port_size)
        out = put_text(out, "\r\n")
    if relay.request_id and not (client.trusted and carries(data, head, "x-request-id", 12)):
        out = put_text(out, "X-Request-ID: ")
        if x.id_low == 0:  # the same for every try
            relay.id_low += 1
            x.id_low = relay.id_low
        out = put_id(out, relay.id_high)
        out = put_id(out, x.id_low)
        out = put_text(out, "\r\n")
    if relay.forwarded:
        out = put_text(out, "Forwarded: for=")
        if memchr(client.address, c':', client.address_size) != NULL:  # RFC 7239, 6: quoted and in brackets
            out = put_text(out, '"[')
            out = put(out, client.address, client.address_size)
            out = put_text(out, ']"')
        else:
            out = put(out, client.address, client.address_size)
        out = put_text(out, ";proto=http")
        if head.host.size:
            out = put_text(out, ';host="')
            out = put_span(out, data, head.host)
            out = put_text(out, '"')
        out = put_text(out, "\r\n")
    if head.method == METHOD_OPTIONS and max_forwards(data, head) > 0:
        out = put_text(out, "Max-Forwards: ")
        out += fs_put_decimal(out, max_forwards(data, head) - 1)
        out = put_text(out, "\r\n")
    if relay.via is not None:
        out = put_text(out, "Via: ")
        out = put_list(out, data, head, FIELD_VIA)
        out = put_text(out, "1.1 " if head.version > 10 else "1.0 ")
        out = put_bytes(out, relay.via)
        out = put_text(out, "\r\n")
    return out


cdef uint8_t *put_list(uint8_t *out, const uint8_t *data, const head_t *head, uint32_t id) noexcept:
    """The values of all lines of one field, each followed by ", "."""
    cdef uint32_t i
    for i in range(head.count):
        if head.fields[i].id == id and head.fields[i].value.size:
            out = put_span(out, data, head.fields[i].value)
            out = put_text(out, ", ")
    return out


cdef uint8_t *put_id(uint8_t *out, uint64_t value) noexcept:
    """Sixteen hexadecimal digits."""
    fs_put_hex16(out, value)
    return out + 16


cdef bint carries(const uint8_t *data, const head_t *head, const char *lower_name, uint32_t size) noexcept:
    cdef uint32_t i
    for i in range(head.count):
        if head.fields[i].name.size == size and fs_same(data + head.fields[i].name.at, lower_name, size):
            return True
    return False


cdef bint came_by_tls(const uint8_t *data, const head_t *head) noexcept:
    """True if X-Forwarded-Proto names a protocol over TLS; of several, the first is the one of the client's own connection."""
    cdef uint32_t i, size
    cdef const uint8_t *p
    for i in range(head.count):
        if head.fields[i].name.size == 17 and fs_same(data + head.fields[i].name.at, "x-forwarded-proto", 17):
            p = data + head.fields[i].value.at
            size = head.fields[i].value.size
            return (size >= 5 and fs_same(p, "https", 5) and ends_directive(p, size, 5)) or (
                size >= 3 and fs_same(p, "wss", 3) and ends_directive(p, size, 3))
    return False


cdef inline const uint8_t *word_end(const uint8_t *p, const uint8_t *end, bint space) noexcept:
    """Behind the white space at p, or else behind what is none."""
    while p < end and (p[0] == c' ' or p[0] == c'\t') == space:
        p += 1
    return p


cdef bint names_us(Relay relay, const uint8_t *data, const head_t *head) noexcept:
    """True if Via shows that the message has been here before (RFC 9110, 7.6.3): a loop. Who received it is the second word."""
    cdef uint32_t i
    cdef Py_ssize_t size = PyBytes_GET_SIZE(relay.via)
    cdef const uint8_t *p
    cdef const uint8_t *end
    cdef const uint8_t *stop
    cdef const uint8_t *who
    for i in range(head.count):
        if head.fields[i].id != FIELD_VIA:
            continue
        p = data + head.fields[i].value.at
        end = p + head.fields[i].value.size
        while p < end:
            stop = <const uint8_t *>memchr(p, c',', end - p)
            if stop == NULL:
                stop = end
            who = word_end(word_end(word_end(p, stop, True), stop, False), stop, True)
            if word_end(who, stop, False) - who == size and memcmp(who, PyBytes_AS_STRING(relay.via), size) == 0:
                return True
            p = stop + 1
    return False


cdef int64_t max_forwards(const uint8_t *data, const head_t *head) noexcept:
    """Value of Max-Forwards, -1 without a sound one (RFC 9110, 7.6.2)."""
    cdef uint32_t i, k
    cdef int64_t value = 0
    cdef const field_t *field
    for i in range(head.count):
        field = &head.fields[i]
        if field.name.size == 12 and fs_same(data + field.name.at, "max-forwards", 12):
            if field.value.size == 0 or field.value.size > 9:
                return -1
            for k in range(field.value.size):
                if not c'0' <= data[field.value.at + k] <= c'9':
                    return -1
                value = value * 10 + (data[field.value.at + k] - c'0')
            return value
    return -1


cdef uint64_t hash_key(Exchange x, const uint8_t *data, const head_t *head) except? 0:
    """What the balancer hashes: a field, a parameter of the query, or the client's address where the request has neither."""
    cdef uint32_t i
    cdef const field_t *field
    cdef bytes name = x.service.hash_header
    cdef const uint8_t *p
    cdef const uint8_t *end
    cdef const uint8_t *stop
    if name is not None:
        for i in range(head.count):
            field = &head.fields[i]
            if field.name.size == <uint32_t>PyBytes_GET_SIZE(name) and fs_same(
                data + field.name.at, PyBytes_AS_STRING(name), field.name.size
            ):
                return fs_long_hash(data + field.value.at, field.value.size)
    name = x.service.hash_query
    if name is not None:
        p = data + head.path.at
        end = p + head.path.size
        p = <const uint8_t *>memchr(p, c'?', end - p)
        while p != NULL:
            p += 1
            stop = <const uint8_t *>memchr(p, c'&', end - p)
            if stop == NULL:
                stop = end
            if (
                stop - p > PyBytes_GET_SIZE(name) and p[PyBytes_GET_SIZE(name)] == c'='
                and memcmp(p, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name)) == 0
            ):
                p += PyBytes_GET_SIZE(name) + 1
                return fs_long_hash(p, stop - p)
            p = stop if stop < end else NULL
    return fs_long_hash(<const uint8_t *>x.client.address, x.client.address_size)


# ---------------------------------------------------------------- answers

cdef inline bint goes_down(Exchange x, const uint8_t *data, const head_t *head, const field_t *field) noexcept:
    """True if an answer's field is forwarded as it is."""
    if field.id != FIELD_OTHER:
        if field.id == FIELD_CONTENT_LENGTH:
            # As metadata (HEAD, 304) and as framing alike; 1xx and 204 have none (RFC 9110, 8.6), zeros in front are cut
            return head.flags & HEAD_LENGTH and (data[field.value.at] != c'0' or field.value.size == 1)
        if field.id == FIELD_SET_COOKIE:
            return not (x.service.sticky and is_our_cookie(x, data, field))
        if (
            field.id == FIELD_CONNECTION or field.id == FIELD_HOP or field.id == FIELD_TRANSFER_ENCODING
            or field.id == FIELD_UPGRADE
        ):
            return False
    return not (head.flags & HEAD_NAMES and h1_named_by_connection(data, head, field))


cdef bint is_our_cookie(Exchange x, const uint8_t *data, const field_t *field) noexcept:
    """The backend sets a cookie of our name: two would contradict each other, and ours decides where users go."""
    cdef uint32_t size = <uint32_t>PyBytes_GET_SIZE(x.service.cookie_name)
    cdef uint32_t e = size
    if field.value.size <= size or memcmp(data + field.value.at, PyBytes_AS_STRING(x.service.cookie_name), size) != 0:
        return False
    while e < field.value.size and (data[field.value.at + e] == c' ' or data[field.value.at + e] == c'\t'):
        e += 1  # browsers cut white space off the name (RFC 6265, 5.2)
    return e < field.value.size and data[field.value.at + e] == c'='


cdef bint is_private(Exchange x, const uint8_t *data, const head_t *head) noexcept:
    """True if no shared cache may store the answer anyway (RFC 9111, 5.2.2): Cache-Control says private or no-store."""
    cdef uint32_t i, k, size
    cdef const uint8_t *p
    for i in range(head.count):
        if head.fields[i].id != FIELD_CACHE_CONTROL or not goes_down(x, data, head, &head.fields[i]):
            continue
        p = data + head.fields[i].value.at
        size = head.fields[i].value.size
        for k in range(size):
            if k and not (p[k - 1] == c',' or p[k - 1] == c' ' or p[k - 1] == c'\t'):
                continue
            if (size - k >= 8 and fs_same(p + k, "no-store", 8) and ends_directive(p, size, k + 8)) or (
                size - k >= 7 and fs_same(p + k, "private", 7) and ends_directive(p, size, k + 7)
            ):
                return True
    return False


cdef inline bint ends_directive(const uint8_t *p, uint32_t size, uint32_t k) noexcept:
    """private="field" is about that field only."""
    return k == size or p[k] == c',' or p[k] == c' ' or p[k] == c'\t'


cdef Py_ssize_t build_answer(Relay relay, Exchange x, const uint8_t *data, const head_t *head) except -1:
    """The head of a final or interim answer as the client gets it, in relay.out; its size."""
    cdef uint8_t *out = relay.out
    cdef const field_t *field
    cdef uint32_t i
    cdef uint32_t run = head.first_field
    cdef uint32_t last = head.first_field
    cdef bint final = head.method >= 200
    out = put_text(out, "HTTP/1.1 ")
    out = put(out, data + 9, 3)  # the status stands there: see h1_response
    out[0] = c' '
    out = put_span(out + 1, data, head.word)
    out = put_text(out, "\r\n")
    for i in range(head.count):
        field = &head.fields[i]
        if not goes_down(x, data, head, field):
            out = put(out, data + run, field.name.at - run)
            run = field.end
            if field.id == FIELD_CONTENT_LENGTH and head.flags & HEAD_LENGTH:
                out = put_text(out, "Content-Length: ")
                out += fs_put_decimal(out, head.content_length)
                out = put_text(out, "\r\n")
        last = field.end
    out = put(out, data + run, last - run)
    if head.method == 101:
        out = put_text(out, "Connection: upgrade\r\nUpgrade: ")
        out = put_span(out, data, head.upgrade)
        out = put_text(out, "\r\n")
    elif not final:
        return put_text(out, "\r\n") - relay.out
    if x.set_cookie:
        out = put_bytes(out, x.service.set_cookie)
        out = put_bytes(out, x.backend.cookie_value)
        out = put_bytes(out, x.service.attributes_secure if x.secure else x.service.attributes)
        if not is_private(x, data, head):
            out = put_text(out, "Cache-Control: private\r\n")
    if not head.flags & HEAD_DATE:  # RFC 9110, 6.6.1: a recipient with a clock adds it
        out = put_bytes(out, relay.date)
    if x.rechunk:
        out = put_text(out, "Transfer-Encoding: chunked\r\n")
    if not x.keep and head.method != 101:
        out = put_text(out, "Connection: close\r\n")
    return put_text(out, "\r\n") - relay.out
