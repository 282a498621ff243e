"""The built-in backend: as little as a server can do, so that what stands before it is measured."""


cdef class Answer:
    """A prebuilt answer."""

    cdef bytes whole          # head and body
    cdef bytes closing        # the same with `Connection: close`
    cdef bytes head           # for HEAD
    cdef bytes head_closing

    def __init__(self, int status, list fields, bytes body not None):
        """fields: (name, value) of bytes. Content-Length is added."""
        head = b"HTTP/1.1 %d \r\n" % status + b"".join([n + b": " + v + b"\r\n" for n, v in fields])
        head += b"Content-Length: %d\r\n" % len(body)
        self.head = head + b"\r\n"
        self.head_closing = head + b"Connection: close\r\n\r\n"
        self.whole = self.head + body
        self.closing = self.head_closing + body


cdef class Site:
    """What a built-in backend answers. `find` is asked for a path's Answer the first time that the path is asked for."""

    cdef object find
    cdef dict known
    cdef bytes last_path
    cdef Answer last
    cdef readonly uint64_t requests
    cdef set live
    cdef limits_t limits
    cdef head_t head

    def __init__(self, find):
        self.find = find
        self.known = {}
        self.live = set()
        self.last_path = b""
        self.limits.head = 65536
        self.limits.line = 16384
        self.limits.fields = 200

    def connection(self):
        """Protocol factory for loop.create_server."""
        return Responder(self)

    def close(self):
        """Abort every connection."""
        for responder in list(self.live):
            if (<Responder>responder).transport is not None:
                (<Responder>responder).transport.abort()

    cdef Answer answer(self, const uint8_t *path, uint32_t size):
        """The same path as the last time costs a comparison."""
        cdef Answer found
        if size == <uint32_t>PyBytes_GET_SIZE(self.last_path) and memcmp(path, PyBytes_AS_STRING(self.last_path), size) == 0:
            return self.last
        key = PyBytes_FromStringAndSize(<const char *>path, size)
        found = self.known.get(key)
        if found is None:
            found = self.find(key)
            if len(self.known) < 1024:
                self.known[key] = found
        self.last_path = key
        self.last = found
        return found


@cython.final
cdef class Responder:
    """The asyncio protocol of one connection to the built-in backend."""

    cdef Site site
    cdef object transport
    cdef bytes held
    cdef Answer due           # the answer to the request whose body is being read
    cdef bint head_only
    cdef bint closing         # the request under way is the last one
    cdef bint done            # what still comes is dropped
    cdef bint chunked
    cdef bint in_body
    cdef bint is_socket
    cdef int64_t left
    cdef chunk_t chunk

    def __cinit__(self, Site site not None):
        self.site = site

    def connection_made(self, transport):
        self.transport = transport
        self.site.live.add(self)

    def connection_lost(self, error):
        self.transport = None
        self.held = None
        self.site.live.discard(self)

    def eof_received(self):
        return False

    def pause_writing(self):
        """Who does not read its answers is not asked for more."""
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()

    def data_received(self, bytes data not None):
        if self.done:
            return
        if self.held is not None:
            data = self.held + data
            self.held = None
        if self.is_socket:
            self.echo(data, 0)
        else:
            self.read_requests(data)

    cdef int read_requests(self, bytes data) except -1:
        cdef Site site = self.site
        cdef head_t *head = &site.head
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Py_ssize_t at = 0
        cdef int event
        cdef bytes out = None
        cdef list many = None
        while at < size and not self.done:
            if not self.in_body:
                event = h1_request(p + at, size - at, &site.limits, head)
                if event == H1_MORE:
                    self.held = data[at:] if at else data
                    break
                if event == H1_BAD:
                    return self.refuse(out, many)
                if head.upgrade.size:
                    return self.accept(data, at)
                self.due = site.answer(p + at + head.path.at, head.path.size)
                self.head_only = head.method == METHOD_HEAD
                self.closing = head.version == 10 or head.flags & HEAD_CLOSE
                self.chunked = head.framing == FRAME_CHUNKED
                self.left = head.content_length if head.framing == FRAME_LENGTH else 0
                at += head.length
                if self.chunked:
                    h1_chunk_begin(&self.chunk)
                if head.flags & HEAD_EXPECT:
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.in_body = True
            event = self.drop_body(p, size, &at)
            if event == H1_BAD:
                return self.refuse(out, many)
            if event == CHUNK_MORE:
                break
            self.in_body = False
            self.done = self.closing
            site.requests += 1
            if out is not None:
                if many is None:
                    many = []
                many.append(out)
            if self.head_only:
                out = self.due.head_closing if self.closing else self.due.head
            else:
                out = self.due.closing if self.closing else self.due.whole
        return self.write(out, many)

    cdef int drop_body(self, const uint8_t *p, Py_ssize_t size, Py_ssize_t *at) noexcept:
        """Read over what is there of the request's body: CHUNK_END, CHUNK_MORE or H1_BAD."""
        cdef Py_ssize_t begin = 0
        cdef Py_ssize_t length = 0
        cdef int event = CHUNK_DATA
        if not self.chunked:
            length = size - at[0] if size - at[0] < self.left else <Py_ssize_t>self.left
            at[0] += length
            self.left -= length
            return CHUNK_MORE if self.left else CHUNK_END
        while event != CHUNK_END and event != CHUNK_MORE and event != H1_BAD:
            event = h1_chunk_next(&self.chunk, p, size, at, &begin, &length)
        return event

    cdef int write(self, bytes out, list many) except -1:
        """`many` answers, and `out` behind them."""
        if out is None:
            return 0
        if many is not None:
            many.append(out)
            out = b"".join(many)
        self.transport.write(out)
        if self.done:
            self.transport.close()
        return 0

    cdef int refuse(self, bytes out, list many) except -1:
        self.done = True
        if out is not None:
            many = [out] if many is None else [*many, out]
        return self.write(b"HTTP/1.1 400 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n", many)

    # ------------------------------------------------------------ WebSocket

    cdef int accept(self, bytes data, Py_ssize_t at) except -1:
        """Become an echo. `data[at:]` begins with the head in site.head."""
        cdef head_t *head = &self.site.head
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data) + at
        cdef uint32_t i
        key = None
        for i in range(head.count):
            if head.fields[i].name.size == 17 and fs_same(p + head.fields[i].name.at, "sec-websocket-key", 17):
                key = p[head.fields[i].value.at:head.fields[i].value.at + head.fields[i].value.size]
        if key is None:
            return self.refuse(None, None)
        at += head.length
        self.is_socket = True
        self.site.requests += 1
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
            + accept_of(key) + b"\r\n\r\n"
        )
        return self.echo(data, at) if at < PyBytes_GET_SIZE(data) else 0

    cdef int echo(self, bytes data, Py_ssize_t at) except -1:
        """Every whole frame comes back, without its mask; a close frame comes back and ends it."""
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Py_ssize_t head
        cdef Py_ssize_t n = 0
        cdef int64_t length = 0
        cdef bytes out = PyBytes_FromStringAndSize(NULL, size - at)  # frames only become shorter
        cdef uint8_t *o = <uint8_t *>PyBytes_AS_STRING(out)
        while at < size and not self.done:
            head = frame_size(p + at, size - at, &length)
            if head < 0 or (head > 0 and not p[at + 1] & 0x80):
                self.transport.abort()
                return 0
            if head == 0 or size - at < head + 4 + length:
                self.held = data[at:]
                break
            memcpy(o + n, p + at, head)
            o[n + 1] &= 0x7f
            if p[at] & 15 == 9:  # a ping is answered by a pong
                o[n] += 1
            mask(o + n + head, p + at + head + 4, <Py_ssize_t>length, p + at + head)
            n += head + <Py_ssize_t>length
            self.done = p[at] & 15 == 8
            at += head + 4 + <Py_ssize_t>length
        if n:
            self.transport.write(out[:n])
        if self.done:
            self.transport.close()
        return 0
