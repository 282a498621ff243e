"""The answer's way down: interim answers, head, body, and the tunnel behind a 101."""

cdef enum:
    JOIN = 16384              # a larger body piece is not copied behind its head but sent after it


cdef int answer_bytes(Exchange x, Connection connection, bytes data) except -1:
    """Bytes from the backend that `x` waits for."""
    cdef Relay relay = x.relay
    cdef head_t *head = &relay.head
    cdef const uint8_t *p
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t head_size = 0
    cdef int result
    if x.state == ANSWER_HEAD:
        if connection.held is not None:
            data = connection.held + data
            connection.held = None
        p = <const uint8_t *>PyBytes_AS_STRING(data)
        while True:
            result = h1_response(p + at, PyBytes_GET_SIZE(data) - at, &relay.answer_limits, x.method, head)
            if result == H1_MORE:
                connection.held = data[at:] if at else data
                return 0
            if result == H1_BAD:
                return x.upstream_failed(502, "bad-answer: " + h1_name_of(head.error.code))
            if head.method >= 200:
                break
            if head.method == 101:
                return tunnel_begin(x, data, at)
            if not x.http_10:  # RFC 9110, 15.2: a 1.0 client would not understand
                x.interim = True
                write_down(x, relay.out, build_answer(relay, x, p + at, head))
                if x.client is None:
                    return 0
            at += head.length
            if at == PyBytes_GET_SIZE(data):
                return 0
        head_size = answer_head(x, p + at, head)
        at += head.length
    return answer_body(x, connection, data, at, head_size)


cdef Py_ssize_t answer_head(Exchange x, const uint8_t *data, const head_t *head) except -1:
    """Take note of a final head and build the client's in relay.out; its size."""
    x.status = head.method
    x.answer_framing = head.framing
    x.answer_left = head.content_length
    x.state = ANSWER_BODY
    x.raw = None
    x.replay = None
    x.reusable = not head.flags & HEAD_CLOSE and head.framing != FRAME_CLOSE and (
        head.version > 10 or head.flags & HEAD_KEEP_ALIVE
    )
    if head.framing == FRAME_CHUNKED:
        h1_chunk_begin(&x.answer_chunk)
    x.rechunk = not x.http_10 and (head.framing == FRAME_CHUNKED or head.framing == FRAME_CLOSE)
    if not x.request_done:
        # An answer before the request's end: whether the rest of the body will be read is open, so this is the last one on
        # either connection, also if the rest comes before the answer's end
        x.keep = False
        x.reusable = False
        if not x.client.full:
            arm(x.client, 0)
    if x.relay.draining:
        x.keep = False
    x.relay.totals.answers[h1_counted(head.method) // 100] += 1
    count_answer(x, h1_counted(head.method))
    (<Upstream>x.backend.upstream).failures = 0
    return build_answer(x.relay, x, data, head)


cdef int answer_body(Exchange x, Connection connection, bytes data, Py_ssize_t at, Py_ssize_t head_size) except -1:
    """Send the head in relay.out[:head_size] (if any) and what data[at:] holds of the body."""
    cdef Relay relay = x.relay
    cdef const char *p = PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data) - at
    cdef Py_ssize_t extra = 0
    cdef Py_ssize_t with_head = 0
    cdef bint done = False
    cdef bytes out
    if x.answer_framing == FRAME_CHUNKED or x.rechunk:
        if x.answer_framing == FRAME_CHUNKED:
            out = reframe(&x.answer_chunk, relay.out, head_size, data, &at, x.rechunk, &done)
            extra = PyBytes_GET_SIZE(data) - at
        else:
            out = in_one_chunk(relay.out, head_size, data, at)
        if out is None:
            if head_size:
                write_down(x, relay.out, head_size)
            return x.upstream_failed(502, "bad-answer: " + h1_name_of(x.answer_chunk.error.code))
        write_down(x, PyBytes_AS_STRING(out), PyBytes_GET_SIZE(out), done and x.is_last())
        return answer_went_on(x, connection, done, extra)
    if x.answer_framing == FRAME_NONE:
        extra = size
        size = 0
        done = True
    elif x.answer_framing == FRAME_LENGTH:
        if size > x.answer_left:
            extra = size - x.answer_left
            size = x.answer_left
        x.answer_left -= size
        done = x.answer_left == 0
    if head_size:
        with_head = size if size <= JOIN else 0
        memcpy(relay.out + head_size, p + at, with_head)
        write_down(x, relay.out, head_size + with_head, done and with_head == size and x.is_last())
    if with_head < size and x.client is not None:
        write_down(x, p + at, size, done and x.is_last())
    return answer_went_on(x, connection, done, extra)


cdef int body_piece(Exchange x, Connection connection, const char *data, Py_ssize_t size) except -1:
    """More of a body that goes down as it is: of a known length, which `size` does not exceed, or to the connection's end."""
    cdef bint done = False
    if x.answer_framing == FRAME_LENGTH:
        x.answer_left -= size
        done = x.answer_left == 0
    write_down(x, data, size, done and x.is_last())
    return answer_went_on(x, connection, done, 0)


cdef int answer_went_on(Exchange x, Connection connection, bint done, Py_ssize_t extra) except -1:
    """A piece of the answer was sent; `done`: its last, with `extra` bytes behind it."""
    if x.client is None:  # the write found the connection dead, and that ended the exchange
        return 0
    if done:
        if extra:
            x.reusable = False  # RFC 9112, 6.3: bytes behind the end belong to nobody
        return x.finish()
    if connection.reading:
        arm(connection, x.relay.idle_ticks)
    return 0


cdef int answer_closed(Exchange x) except -1:
    """The end of the connection is the end of the body (RFC 9112, 6.3, case 8)."""
    x.reusable = False
    if x.rechunk:
        write_down(x, <const char *>b"0\r\n\r\n", 5)
    else:
        x.keep = False
    return x.finish() if x.client is not None else 0


cdef int write_down(Exchange x, const void *data, Py_ssize_t size, bint last=False) except -1:
    if size == 0:
        return 0
    x.relay.totals.bytes_out += <uint64_t>size
    count_out(x, size)
    if x.client.half_closed:
        arm(x.client, x.relay.half_close_ticks)
    return x.client.write(data, size, last)


cdef uint8_t *put_chunk_size(uint8_t *out, Py_ssize_t size) noexcept:
    out += fs_put_hex(out, <uint64_t>size)
    return put_text(out, "\r\n")


cdef bytes in_one_chunk(const uint8_t *head, Py_ssize_t head_size, bytes data, Py_ssize_t at):
    """head + data[at:] as one chunk."""
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data) - at
    cdef uint8_t line[20]
    cdef Py_ssize_t line_size = put_chunk_size(line, size) - line
    cdef bytes out
    cdef uint8_t *p
    if size == 0:
        return PyBytes_FromStringAndSize(<const char *>head, head_size)
    out = PyBytes_FromStringAndSize(NULL, head_size + line_size + size + 2)
    p = put(<uint8_t *>PyBytes_AS_STRING(out), head, head_size)
    p = put(p, line, line_size)
    p = put(p, PyBytes_AS_STRING(data) + at, size)
    put_text(p, "\r\n")
    return out


cdef bytes reframe(
    chunk_t *chunk, const uint8_t *prefix, Py_ssize_t prefix_size, bytes data, Py_ssize_t *at, bint rechunk, bint *done
):
    """prefix + the payload that data[*at:] holds of a chunked body: as one chunk of our own (rechunk), or bare.

    *at moves behind what was used. None if the body is malformed (chunk.error). The input is walked twice, first to measure
    (payload is skipped over, not read), so that the result is allocated and copied once.
    """
    cdef chunk_t measure = chunk[0]
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef Py_ssize_t used = at[0]
    cdef Py_ssize_t begin = 0
    cdef Py_ssize_t length = 0
    cdef Py_ssize_t total = 0
    cdef Py_ssize_t line_size = 0
    cdef uint8_t line[20]
    cdef uint8_t *o
    cdef bytes out
    cdef int event = CHUNK_MORE
    while True:
        event = h1_chunk_next(&measure, p, size, &used, &begin, &length)
        if event == H1_BAD:
            chunk.error = measure.error
            return None
        if event == CHUNK_DATA:
            total += length
        elif event == CHUNK_END or event == CHUNK_MORE:
            break
    done[0] = event == CHUNK_END
    if rechunk and total:
        line_size = put_chunk_size(line, total) - line
    out = PyBytes_FromStringAndSize(
        NULL, prefix_size + total + (line_size + 2 if line_size else 0) + (5 if rechunk and done[0] else 0)
    )
    o = put(<uint8_t *>PyBytes_AS_STRING(out), prefix, prefix_size)
    o = put(o, line, line_size)
    while True:
        event = h1_chunk_next(chunk, p, size, at, &begin, &length)
        if event == CHUNK_DATA:
            o = put(o, p + begin, length)
        elif event == CHUNK_END or event == CHUNK_MORE:
            break
    if line_size:
        o = put_text(o, "\r\n")
    if rechunk and done[0]:
        put_text(o, "0\r\n\r\n")
    return out


# ---------------------------------------------------------------- tunnels

cdef int tunnel_begin(Exchange x, bytes data, Py_ssize_t at) except -1:
    """A 101 (RFC 9110, 7.8 and 15.2.2): from here on bytes, if it names what the client asked for; otherwise a fault."""
    cdef Relay relay = x.relay
    cdef head_t *head = &relay.head
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data) + at
    cdef Client client = x.client
    cdef bytes early = client.held
    cdef bytes named = PyBytes_FromStringAndSize(<const char *>p + head.upgrade.at, head.upgrade.size)
    if x.upgrade is None or not named or not offered(x.upgrade, named):
        return x.upstream_failed(502, "bad-answer: unwanted-upgrade")
    x.status = 101
    x.state = ANSWER_BODY
    x.raw = None
    relay.totals.answers[1] += 1
    count_answer(x, 101)
    client.state = CLIENT_TUNNEL
    client.held = None
    x.connection.state = CONNECTION_TUNNEL
    adopt(client)
    adopt(x.connection)
    arm(client, 0)
    arm(x.connection, relay.tunnel_ticks)
    write_down(x, relay.out, build_answer(relay, x, p, head))
    at += head.length
    if at < PyBytes_GET_SIZE(data) and x.client is not None:
        write_down(x, p + head.length, PyBytes_GET_SIZE(data) - at)
    if early is not None and x.connection is not None:
        x.connection.send(PyBytes_AS_STRING(early), PyBytes_GET_SIZE(early))
    if client.half_closed and x.connection is not None:  # it had sent its last byte while it waited
        x.connection.transport.write_eof()
    return client.go_on_reading() if x.connection is not None and not x.connection.full else 0


cdef bint offered(bytes asked, bytes named):
    """Every protocol that the backend names was asked for."""
    mine = {each.strip().lower() for each in asked.split(b",")}
    return all(each.strip().lower() in mine for each in named.split(b","))


cdef int tunnel_up(Exchange x, const char *data, Py_ssize_t size) except -1:
    if x.connection.reading:  # else the client does not take what it is sent, and has a deadline for that
        arm(x.connection, x.relay.tunnel_ticks)
    return x.connection.send(data, size)


cdef int tunnel_down(Exchange x, const char *data, Py_ssize_t size) except -1:
    if x.connection.reading:
        arm(x.connection, x.relay.tunnel_ticks)
    return write_down(x, data, size)


cdef bint tunnel_half_closed(Exchange x, bint by_client) except -1:
    """One side has sent its last byte: the other one is told, and may go on. True keeps this side open for it."""
    if by_client:
        x.client.half_closed = True
        if x.upstream_half_closed:
            return False
        x.connection.transport.write_eof()
    else:
        x.upstream_half_closed = True
        if x.client.half_closed:
            return False
        x.client.transport.write_eof()
    return True
