"""One connection under load: requests out, answers read and timed."""

cdef enum:                    # what is read next
    READ_HEAD = 0
    READ_LENGTH = 1
    READ_CHUNKED = 2
    READ_CLOSE = 3
    READ_FRAMES = 4           # WebSocket

cdef struct pending_t:
    int64_t sent
    int64_t planned
    uint32_t version          # of the user's cookies when it was sent; 0: none of a balancer's
    uint32_t method
    uint32_t session          # place in Load.sessions


@cython.final
cdef class Client:
    """The asyncio protocol of one connection. `place` is its number; who succeeds it there goes on with its users."""

    cdef Load load
    cdef object transport
    cdef readonly uint32_t place
    cdef uint32_t turn        # of its users
    cdef pending_t *pending   # ring of load.depth
    cdef uint32_t first
    cdef uint32_t count
    cdef readonly bint spent  # what still comes is nobody's
    cdef bint last            # nothing more may be sent: the last request said `Connection: close`
    cdef bint parked          # in load.idle
    cdef bint upgrading
    # the answer under way
    cdef uint8_t state
    cdef bytes held
    cdef int64_t left
    cdef chunk_t chunk
    cdef bint ends            # the server closes the connection behind it
    cdef bint changed         # it has changed the user's cookies
    cdef uint32_t prior       # version of the cookies before it
    cdef uint64_t hash
    cdef uint8_t sample[IDENTITY_BYTES]
    cdef uint32_t sampled
    # the frame under way
    cdef uint8_t opcode
    cdef bint fin
    cdef Py_ssize_t echoed
    cdef bytes accept

    def __cinit__(self, Load load not None, uint32_t place, uint32_t turn=0):
        self.load = load
        self.place = place
        self.turn = turn
        self.pending = <pending_t *>fs_calloc(load.depth, sizeof(pending_t))
        if self.pending == NULL:
            raise MemoryError("no memory for a connection")

    def __dealloc__(self):
        fs_free(self.pending)

    # ------------------------------------------------------------ what the event loop calls

    def connection_made(self, transport):
        self.transport = transport
        self.load.c.connects += 1
        if not self.load.may_send():
            self.leave()
            return
        self.load.clients[self.place] = self
        if self.load.frame is not None:
            self.upgrading = True
            upgrade(self)
        else:
            self.go_on()

    def data_received(self, bytes data not None):
        if self.spent:
            return
        self.load.c.bytes_in += <uint64_t>PyBytes_GET_SIZE(data)
        if self.held is not None:
            data = self.held + data
            self.held = None
        if self.state == READ_FRAMES:
            read_frames(self, data, 0)
        else:
            self.read_answers(data)
        if self.spent:
            return
        if (self.ends and self.state == READ_HEAD) or (self.last and self.count == 0):
            self.end()
        else:
            self.go_on()

    def eof_received(self):
        return False

    def connection_lost(self, error):
        self.transport = None
        if self.spent:
            return
        if self.state == READ_CLOSE and error is None:
            self.complete(now_ns())
        # Bytes of a head, or a part of a body: the first one was being answered
        if self.count:
            self.fail(ERROR_SHORT if self.held is not None or self.state != READ_HEAD and self.state != READ_FRAMES
                      or self.echoed else ERROR_RESET)
        self.fail_all(ERROR_RESET)
        self.leave()

    def pause_writing(self):
        """What waits to be sent is bounded by the depth."""

    def resume_writing(self):
        """See pause_writing."""

    # ------------------------------------------------------------ out

    cdef inline bint has_room(self) noexcept:
        return not self.spent and not self.last and not self.ends and self.count < self.load.depth and not self.upgrading

    cdef int go_on(self) except -1:
        """Send what may be sent now."""
        cdef Load load = self.load
        cdef int64_t now
        cdef bytes data
        cdef list many
        if not self.has_room():
            return 0
        if load.interval:
            return load.refill(self)
        if not load.may_send():
            return load.settle()
        now = now_ns()
        data = self.next_request(now, now)
        if self.has_room() and load.may_send():
            many = [data]
            while self.has_room() and load.may_send():
                many.append(self.next_request(now, now))
            data = b"".join(many)
        load.c.bytes_out += <uint64_t>PyBytes_GET_SIZE(data)
        self.transport.write(data)
        return 0

    cdef int send(self, int64_t planned, int64_t now) except -1:
        """One request of an open loop's plan."""
        cdef bytes data = self.next_request(planned, now)
        self.load.c.bytes_out += <uint64_t>PyBytes_GET_SIZE(data)
        self.transport.write(data)
        return 0

    cdef bytes next_request(self, int64_t planned, int64_t now):
        """Whose turn it is, and what that user asks for; noted as pending."""
        cdef Load load = self.load
        cdef uint32_t users = <uint32_t>len(load.sessions)
        cdef uint32_t connections = <uint32_t>len(load.clients)
        cdef uint32_t who = self.place + self.turn * connections
        cdef pending_t *p = &self.pending[(self.first + self.count) % load.depth]
        cdef Session session
        cdef uint32_t place
        if who >= users:  # each connection has every so-many-th user; fewer users than connections share theirs
            self.turn = 0
            who = self.place % users
        self.turn += 1
        p.sent = now
        p.planned = planned
        p.session = who
        self.count += 1
        load.issued += 1
        load.in_flight += 1
        if load.frame is not None:
            p.method = METHOD_GET
            return load.frame
        session = <Session>load.sessions[who]
        place = session.at
        session.at = place + 1 if place + 1 < load.request_count else 0
        p.version = session.version
        p.method = (<Request>load.requests[place]).method
        if load.close_ratio:
            load.close_debt += load.close_ratio
            if load.close_debt >= 1:
                load.close_debt -= 1
                self.last = True
        return session.request(load.requests, place, self.last)

    # ------------------------------------------------------------ in

    cdef int read_answers(self, bytes data) except -1:
        """Everything that `data` holds: the rest of an answer, whole ones, the beginning of one."""
        cdef Load load = self.load
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data)
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t begin = 0
        cdef Py_ssize_t length = 0
        cdef int64_t now = 0
        cdef int event
        while at < size:
            if self.state == READ_HEAD:
                if self.count == 0 and not self.upgrading:
                    return self.malformed()
                event = h1_response(
                    p + at, size - at, &load.limits,
                    METHOD_GET if self.upgrading else self.pending[self.first].method, &load.head
                )
                if event == H1_MORE:
                    self.held = data[at:] if at else data
                    return 0
                if event == H1_BAD:
                    return self.malformed()
                if self.upgrading:
                    upgraded(self, p + at, &load.head)
                    if self.spent:
                        return 0
                    return read_frames(self, data, at + load.head.length)
                if load.head.method == 101:
                    return self.malformed()
                if load.head.method >= 200:
                    self.take_head(p + at, &load.head)
                at += load.head.length
                if load.head.method < 200:
                    continue
            if self.state == READ_LENGTH:
                length = size - at if size - at < self.left else <Py_ssize_t>self.left
                if load.by == BY_BODY:
                    self.sample_body(p + at, length)
                at += length
                self.left -= length
                if self.left:
                    return 0
            elif self.state == READ_CHUNKED:
                while True:
                    event = h1_chunk_next(&self.chunk, p, size, &at, &begin, &length)
                    if event == H1_BAD:
                        return self.malformed()
                    if event == CHUNK_MORE:
                        return 0
                    if event == CHUNK_END:
                        break
                    if event == CHUNK_DATA and load.by == BY_BODY:
                        self.sample_body(p + begin, length)
            elif self.state == READ_CLOSE:
                if load.by == BY_BODY:
                    self.sample_body(p + at, size - at)
                return 0
            if now == 0:
                now = now_ns()
            self.complete(now)
            if self.ends:
                return 0
        return 0

    cdef int take_head(self, const uint8_t *p, const head_t *head) except -1:
        """A final answer's head: how its body ends, cookies, who it is from."""
        cdef Load load = self.load
        cdef uint32_t i
        cdef Session session = <Session>load.sessions[self.pending[self.first].session]
        self.state = (
            READ_CHUNKED if head.framing == FRAME_CHUNKED else READ_CLOSE if head.framing == FRAME_CLOSE else READ_LENGTH
        )
        self.left = head.content_length if head.framing == FRAME_LENGTH else 0
        if head.framing == FRAME_CHUNKED:
            h1_chunk_begin(&self.chunk)
        self.ends = (
            head.flags & HEAD_CLOSE or head.framing == FRAME_CLOSE
            or (head.version == 10 and not head.flags & HEAD_KEEP_ALIVE)
        )
        self.hash = 0xcbf29ce484222325ull
        self.sampled = 0
        self.changed = False
        self.prior = session.version
        load.c.answers[h1_counted(head.method) // 100] += 1
        for i in range(head.count):
            if head.fields[i].id == FIELD_SET_COOKIE:
                load.c.cookies_set += 1
                if session.jar is not None and session.set_cookie(
                    PyBytes_FromStringAndSize(<const char *>p + head.fields[i].value.at, head.fields[i].value.size)
                ):
                    self.changed = True
            elif (
                load.by == BY_HEADER and head.fields[i].id == FIELD_OTHER
                and head.fields[i].name.size == <uint32_t>PyBytes_GET_SIZE(load.wanted)
                and fs_same(p + head.fields[i].name.at, PyBytes_AS_STRING(load.wanted), head.fields[i].name.size)
            ):
                self.sample_body(p + head.fields[i].value.at, head.fields[i].value.size)
        return 0

    cdef void sample_body(self, const uint8_t *p, Py_ssize_t size) noexcept:
        """What tells backends apart: the first bytes."""
        if size > IDENTITY_BYTES - <Py_ssize_t>self.sampled:
            size = IDENTITY_BYTES - <Py_ssize_t>self.sampled
        if size > 0:
            memcpy(self.sample + self.sampled, p, size)
            self.hash = identity_hash(self.hash, p, size)
            self.sampled += <uint32_t>size

    cdef int complete(self, int64_t now) except -1:
        """The first pending request is answered."""
        cdef Load load = self.load
        cdef pending_t *p = &self.pending[self.first]
        load.latency.add(now - p.sent)
        if load.interval:
            load.corrected.add(now - p.planned)
        load.c.requests += 1
        if load.by != BY_NOTHING and load.frame is None:
            self.judge(p)
        self.state = READ_HEAD
        self.drop_first()
        return 0

    cdef int judge(self, pending_t *p) except -1:
        """Did the user stay?"""
        cdef Load load = self.load
        cdef Session session = <Session>load.sessions[p.session]
        cdef int who = NOBODY
        if load.by == BY_COOKIE:
            if not self.changed:
                who = session.home
            else:
                value = session.jar.get(load.wanted) if load.wanted else session.cookies
                if value:
                    self.sampled = 0
                    self.hash = 0xcbf29ce484222325ull
                    self.sample_body(<const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        if who == NOBODY and self.sampled:
            who = load.identities.find(self.hash, self.sample, self.sampled)
        if who == NOBODY:
            return 0
        load.identities.answers[who] += 1
        if session.jar is None:
            return 0
        if session.home != NOBODY and session.home != who and p.version and p.version == self.prior:
            load.c.elsewhere += 1
            if not session.moved:
                session.moved = True
                load.c.moved += 1
        if self.changed or (session.home == NOBODY and p.version and p.version == session.version):
            session.home = who
        return 0

    # ------------------------------------------------------------ ends

    cdef inline int drop_first(self) except -1:
        self.first += 1
        if self.first == self.load.depth:
            self.first = 0
        self.count -= 1
        self.load.in_flight -= 1
        return 0

    cdef bint is_overdue(self, int64_t now) noexcept:
        return self.count > 0 and now - self.pending[self.first].sent > self.load.timeout

    cdef int fail(self, int kind) except -1:
        """The first pending request will not be answered."""
        self.load.c.errors[kind] += 1
        return self.drop_first()

    cdef int fail_all(self, int kind) except -1:
        while self.count:
            self.fail(kind)
        return 0

    cdef int malformed(self) except -1:
        if self.count:
            self.fail(ERROR_MALFORMED)
        else:
            self.load.c.errors[ERROR_MALFORMED] += 1
        self.fail_all(ERROR_RESET)
        return self.leave()

    cdef int end(self) except -1:
        """The connection has served its time. What the server did not get to is asked again on the next one."""
        while self.count:
            self.load.c.repeated += 1
            self.load.issued -= 1
            self.drop_first()
        return self.leave()

    cdef int leave(self) except -1:
        """This connection is no longer used; another one takes its place."""
        self.spent = True
        self.held = None
        if self.transport is not None:
            self.transport.abort()
        return self.load.reopen(self)
