"""WebSocket (RFC 6455) as far as a load generator needs it: upgrade, masked messages, echoes checked byte by byte."""

_ACCEPT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

cdef enum:
    LONGEST_MESSAGE = 1 << 24


def accept_of(bytes key not None):
    """Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _ACCEPT, usedforsecurity=False).digest())


cdef bytes frame_head(uint8_t opcode, Py_ssize_t size, uint8_t mask):
    if size < 126:
        return bytes((0x80 | opcode, mask | size))
    if size < 65536:
        return bytes((0x80 | opcode, mask | 126)) + size.to_bytes(2, "big")
    return bytes((0x80 | opcode, mask | 127)) + size.to_bytes(8, "big")


cdef void mask(uint8_t *out, const uint8_t *data, Py_ssize_t size, const uint8_t *key) noexcept:
    cdef Py_ssize_t i
    for i in range(size):
        out[i] = data[i] ^ key[i & 3]


cdef bytes masked_frame(uint8_t opcode, bytes payload):
    """A client's frame. One key for all of a run: the load is not meant to pass proxies that must be protected from it."""
    cdef bytes key = os.urandom(4)
    cdef bytes body = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(payload))
    mask(<uint8_t *>PyBytes_AS_STRING(body), <const uint8_t *>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload),
         <const uint8_t *>PyBytes_AS_STRING(key))
    return frame_head(opcode, PyBytes_GET_SIZE(payload), 0x80) + key + body


cdef int upgrade(Client client) except -1:
    """Ask for a WebSocket."""
    cdef Load load = client.load
    cdef Session session = <Session>load.sessions[client.place % len(load.sessions)]
    key = base64.b64encode(os.urandom(16))
    client.accept = accept_of(key)
    data = (
        (<Request>load.requests[0]).front + session.cookies + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    # It is timed like a request, so that one that is never answered is a time-out; it does not count as one
    client.pending[client.first].sent = client.pending[client.first].planned = now_ns()
    client.count = 1
    load.in_flight += 1
    load.issued += 1
    load.c.bytes_out += <uint64_t>PyBytes_GET_SIZE(data)
    client.transport.write(data)
    return 0


cdef int upgraded(Client client, const uint8_t *p, const head_t *head) except -1:
    """The answer to the upgrade."""
    cdef Load load = client.load
    cdef uint32_t i
    cdef bint accepted = False
    load.c.answers[h1_counted(head.method) // 100] += 1
    for i in range(head.count):
        if head.fields[i].name.size == 20 and fs_same(p + head.fields[i].name.at, "sec-websocket-accept", 20):
            accepted = client.accept == p[head.fields[i].value.at:head.fields[i].value.at + head.fields[i].value.size]
        elif head.fields[i].id == FIELD_SET_COOKIE:
            load.c.cookies_set += 1
    client.upgrading = False
    if head.method != 101 or not accepted:
        client.fail(ERROR_UPGRADE)
        return client.leave()
    client.drop_first()
    load.issued -= 1
    client.state = READ_FRAMES
    return 0


cdef int read_frames(Client client, bytes data, Py_ssize_t at) except -1:
    """Echoes, pings and the end of it. client.left is what is missing of the frame under way."""
    cdef Load load = client.load
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
    cdef Py_ssize_t head, n, begin
    while at < size or (client.left == 0 and client.opcode):
        if client.opcode == 0:  # a frame's head; 0x80 is set once it is read
            begin = at
            head = frame_size(p + at, size - at, &client.left)
            if size - at >= 2 and (
                head < 0 or p[at] & 0x70 or p[at + 1] & 0x80 or (p[at] & 8 and (p[at + 1] > 125 or not p[at] & 0x80))
            ):
                return client.malformed()
            if head == 0 or (p[at] & 8 and size - at - head < client.left):
                client.held = data[at:]  # control frames are short: they are read whole
                return 0
            client.fin = p[at] & 0x80 != 0
            client.opcode = 0x80 | (p[at] & 15)
            at += head
            if client.opcode & 8:
                n = <Py_ssize_t>client.left
                if client.opcode == 0x88:  # close: the server has had enough
                    client.fail_all(ERROR_RESET)
                    return client.leave()
                if client.opcode == 0x89:
                    client.transport.write(masked_frame(10, data[at:at + n]))
                at += n
                client.left = 0
                client.opcode = 0
            elif client.count == 0:
                return client.malformed()
            continue
        n = size - at if size - at < client.left else <Py_ssize_t>client.left
        if client.echoed + n > PyBytes_GET_SIZE(load.payload) or memcmp(
            p + at, PyBytes_AS_STRING(load.payload) + client.echoed, n
        ):
            return client.malformed()
        at += n
        client.echoed += n
        client.left -= n
        if client.left == 0:
            client.opcode = 0
            if client.fin:
                if client.echoed != PyBytes_GET_SIZE(load.payload):
                    return client.malformed()
                client.echoed = 0
                client.complete(now_ns())
                client.state = READ_FRAMES
    return 0


cdef Py_ssize_t frame_size(const uint8_t *p, Py_ssize_t size, int64_t *length) noexcept:
    """Size of a frame's head without its mask, its payload's in *length; 0: more is needed, -1: too long."""
    cdef Py_ssize_t head = 2
    cdef Py_ssize_t i
    if size < 2:
        return 0
    length[0] = p[1] & 127
    if length[0] >= 126:
        head = 4 if length[0] == 126 else 10
        if size < head:
            return 0
        length[0] = 0
        for i in range(2, head):
            length[0] = length[0] << 8 | p[i]
        if length[0] < 0 or length[0] > LONGEST_MESSAGE:
            return -1
    return head
