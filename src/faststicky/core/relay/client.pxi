"""The client's side of the relay: heads in, one request after the other, and the ways in which a connection ends."""

cdef enum:
    MOST_HELD = 16384         # bytes behind the current request; with more, the client is not read until its turn


@cython.final
@cython.no_gc
cdef class Client(Peer):
    """A connection that a user opened. States: client_state; all transitions are in this file but BUSY -> TUNNEL."""

    def __cinit__(self, Relay relay):
        self.relay = relay
        self.state = CLIENT_CLOSED
        relay.live_clients += 1

    def __dealloc__(self):
        if self.relay is not None:
            self.relay.live_clients -= 1

    # ------------------------------------------------------------ what uvloop calls

    def connection_made(self, transport):
        cdef Relay relay = self.relay
        self.transport = transport
        relay.totals.connections += 1
        if relay.closed:
            transport.abort()
            return
        self.state = CLIENT_IDLE
        relay.enlist(self)
        arm(self, LEAVING_TICKS if relay.draining else relay.keepalive_ticks)
        self.admitted = True
        if admit(relay, self):
            self.refuse(429, "too-many-connections")

    def data_received(self, bytes data not None):
        if self.relay.adopted_after == 0:
            adopt(self)
        self.received(data)

    def eof_received(self):
        """True keeps our side open: the client may only have closed its sending side (RFC 9112, 9.6)."""
        return self.ended()

    cdef bint pass_on(self, const char *data, Py_ssize_t size) except -1:
        cdef Exchange x = self.exchange  # a reference of our own: what is called may end the exchange
        if self.state == CLIENT_TUNNEL:
            tunnel_up(x, data, size)
        elif self.state != CLIENT_BUSY or not x.pass_body(data, size):
            return False
        self.relay.totals.bytes_in += <uint64_t>size
        return True

    cdef int received(self, bytes data) except -1:
        cdef Exchange x = self.exchange
        self.relay.totals.bytes_in += <uint64_t>PyBytes_GET_SIZE(data)
        if self.state == CLIENT_IDLE:
            self.process(data)
        elif self.state == CLIENT_BUSY:
            x.request_bytes(data)
        elif self.state == CLIENT_HEAD:
            self.more_head(data)
        elif self.state == CLIENT_TUNNEL:
            tunnel_up(x, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        return 0

    cdef bint ended(self) except -1:
        cdef Exchange x = self.exchange
        if self.state == CLIENT_BUSY:
            if not x.request_done:
                return False  # the rest of the request will never come; connection_lost clears up
            self.half_closed = True
            if self.held is None:  # else there are requests behind this one
                x.keep = False
            arm(self, self.relay.half_close_ticks)
            return True
        if self.state == CLIENT_TUNNEL:
            return tunnel_half_closed(x, True)
        return False

    def connection_lost(self, error):
        cdef Exchange x = self.exchange
        cdef bint reset = error is not None or self.fault is not None
        disown(self)
        self.descriptor = -1  # its number may be another connection's from now on
        self.state = CLIENT_CLOSED
        self.exchange = None
        self.held = None
        self.transport = None
        self.relay.delist(self)
        if self.admitted:
            self.admitted = False
            dismiss(self.relay, self)
        if x is not None:
            x.client_lost(reset)

    def pause_writing(self):
        """The client does not take what we send: its backend is no longer read."""
        self.full = True
        self.unsent = self.untaken()
        if self.exchange is None:
            self.stop_reading()  # it does not take our own answers: it gets no more of them
        elif self.exchange.connection is not None:
            self.exchange.connection.stop_reading()
            if not self.exchange.connection.full:
                arm(self.exchange.connection, 0)
        arm(self, self.relay.write_ticks)

    def resume_writing(self):
        cdef Relay relay = self.relay
        cdef Exchange x = self.exchange
        self.full = False
        self.unsent = 0
        if self.state == CLIENT_IDLE:
            self.next_request()
            return
        if x is None:
            arm(self, relay.head_ticks if self.state == CLIENT_HEAD else
                relay.linger_ticks if self.state == CLIENT_LINGER else relay.write_ticks)
            return
        arm(self, 0 if x.request_done or x.state != ANSWER_HEAD else relay.idle_ticks)
        if x.connection is not None:
            x.connection.go_on_reading()
            if x.connection.full:  # it has its deadline
                return
            if self.state == CLIENT_TUNNEL:
                arm(x.connection, relay.tunnel_ticks)
            elif x.state != ANSWER_HEAD:
                arm(x.connection, relay.idle_ticks)
            elif x.request_done:
                arm(x.connection, relay.response_ticks)

    # ------------------------------------------------------------ requests

    cdef int more_head(self, bytes data) except -1:
        """Another piece of a head. Parsed again only when a line has ended or as much again has come: however small the
        pieces, a head is scanned a bounded number of times."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.held) + PyBytes_GET_SIZE(data)
        cdef bint worth = size >= 2 * self.scanned or memchr(PyBytes_AS_STRING(data), c'\n', PyBytes_GET_SIZE(data)) != NULL
        data = self.held + data
        self.held = data
        return self.process(data) if worth else 0

    cdef int process(self, bytes data) except -1:
        """Requests at the start of `data`, until one is under way or more bytes are needed."""
        cdef Relay relay = self.relay
        cdef Py_ssize_t used
        cdef int result
        self.held = None
        while True:
            if self.full and self.state == CLIENT_IDLE:  # it does not take its answers: resume_writing goes on from here
                self.held = data
                return self.stop_reading()
            result = h1_request(
                <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &relay.request_limits, &relay.head
            )
            if result == H1_BAD:
                return self.refuse(h1_status_of(relay.head.error.code), h1_name_of(relay.head.error.code))
            if result == H1_MORE:
                if self.half_closed:  # the rest will never come
                    return self.linger()
                if self.state != CLIENT_HEAD:  # the deadline is for the whole head, not for the gap between bytes
                    self.state = CLIENT_HEAD
                    arm(self, relay.head_ticks)
                self.held = data
                self.scanned = PyBytes_GET_SIZE(data)
                return 0
            used = self.begin(data)
            if self.state == CLIENT_BUSY:
                if used < PyBytes_GET_SIZE(data):
                    self.hold(data[used:])
                elif self.half_closed:
                    self.exchange.keep = False
                return 0
            if self.state != CLIENT_IDLE:
                return 0
            if used == PyBytes_GET_SIZE(data):
                if self.half_closed:
                    return self.linger()
                if not self.full:
                    arm(self, relay.keepalive_ticks)
                return 0
            data = data[used:]

    cdef Py_ssize_t begin(self, bytes data) except -1:
        """Start the request whose head has just been parsed into relay.head; bytes of `data` used by it."""
        cdef Relay relay = self.relay
        cdef head_t *head = &relay.head
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
        cdef const uint8_t *root = NULL
        cdef bint body = head.framing != FRAME_NONE
        cdef bint keep
        cdef Py_ssize_t used
        cdef Exchange x
        cdef int at
        if self.address_size == 0:
            self.read_address()
        self.requests += 1
        relay.totals.requests += 1
        self.promised = head.version == 10 or head.flags & HEAD_CLOSE != 0  # RFC 9112, 9.3 and 9.6
        keep = (
            head.version > 10 and not head.flags & HEAD_CLOSE and not relay.draining
            and (relay.max_requests == 0 or self.requests < relay.max_requests)
        )
        if head.method == METHOD_TRACE or head.method == METHOD_CONNECT:
            # TRACE shows a client what was sent to the backend; CONNECT is for forward proxies (RFC 9110, 9.3.6, 9.3.8)
            return self.answer_now(405 if head.method == METHOD_TRACE else 501, "method-not-served", False, data)
        if relay.via is not None and names_us(relay, p, head):
            return self.answer_now(508, "loop", False, data)
        if head.method == METHOD_OPTIONS and max_forwards(p, head) == 0:  # RFC 9110, 7.6.2: we are the last recipient
            return self.answer_now(200, "max-forwards", keep and not body, data)
        if relay.max_body and head.content_length > relay.max_body:
            return self.answer_now(413, "body-too-large", False, data)
        if head.path.size == 0 or p[head.path.at] == c'?':  # absolute-form: routed by the path that goes up
            root = <const uint8_t *>(b"*" if head.path.size == 0 and head.method == METHOD_OPTIONS else b"/")
        at = relay.table.routes.find_service(
            p + head.host.at, head.host.size, root if root != NULL else p + head.path.at, 1 if root != NULL else head.path.size,
            p + head.word.at, head.word.size
        ) if relay.table is not None else -1
        if at < 0 and head.method == METHOD_OPTIONS and relay.table is not None and (
            root[0] if root != NULL else p[head.path.at]
        ) == c'*':  # no path, so that no prefix fits (RFC 9112, 3.2.4): the server as a whole is whoever has the root
            at = relay.table.routes.find_service(
                p + head.host.at, head.host.size, <const uint8_t *>b"/", 1, p + head.word.at, head.word.size
            )
        if at < 0:
            if relay.table is None:
                return self.answer_now(503, "no-table-yet", keep and not body, data)
            return self.answer_now(404, "no-route", keep and not body, data)
        x = Exchange.__new__(Exchange, self, relay.table, <Service>relay.table.services[at])
        x.keep = keep
        x.note_request(p, head)
        x.decide(p, head)
        count_request(x, p, head)
        if relay.access != ACCESS_OFF:
            note_record(x, data, head)
        self.exchange = x
        self.state = CLIENT_BUSY
        used = x.send_head(data)
        count_in(x, used)
        return used

    cdef Py_ssize_t answer_now(self, int status, str reason, bint keep, bytes data, str service=None) except -1:
        """Answer the request in relay.head ourselves; the bytes of `data` that it took."""
        cdef uint32_t used = self.relay.head.length
        cdef bytes answer = own_answer(self.relay, status, keep, self.relay.head.method == METHOD_HEAD)
        self.note(status, reason, service)
        count_own_answer(self.relay, NULL, status, answer)
        if self.relay.access != ACCESS_OFF:
            write_own_line(self, status, answer, data, &self.relay.head)
        self.answer(status, keep, answer)
        return used

    cdef int hold(self, bytes data) except -1:
        """Bytes behind the current request (pipelining): kept. Reading goes on for a while, to notice when the client leaves."""
        self.held = data if self.held is None else self.held + data
        return self.stop_reading() if PyBytes_GET_SIZE(self.held) > MOST_HELD else 0

    cdef int next_request(self) except -1:
        """The exchange is over and the connection stays."""
        cdef bytes data = self.held
        self.state = CLIENT_IDLE
        if self.requests == self.relay.adopted_after:
            adopt(self)
        if self.full:  # resume_writing goes on from here
            arm(self, self.relay.write_ticks)
            return self.stop_reading()
        arm(self, LEAVING_TICKS if self.relay.draining else self.relay.keepalive_ticks)
        if data is None:
            return self.go_on_reading()
        self.process(data)
        if self.state == CLIENT_IDLE and self.full:
            return 0
        return self.read_on()

    cdef int read_on(self) except -1:
        """Read again, unless too much is held behind the current request or its backend does not take it."""
        cdef Exchange x = self.exchange
        if x is not None and (
            self.held is not None and PyBytes_GET_SIZE(self.held) > MOST_HELD or x.connection is not None and x.connection.full
        ):
            return 0
        return self.go_on_reading()

    cdef int read_address(self) except -1:
        cdef int descriptor = descriptor_of(self)
        self.address_size = <uint8_t>print_address(descriptor, self.address)
        if self.address_size == 0:
            self.address_size = 7
            memcpy(self.address, b"unknown", 7)  # a Unix socket, or already gone; also RFC 7239, 6.2
            self.port_size = 2
            memcpy(self.port, b"80", 2)
            return 0
        self.port_size = <uint8_t>fs_put_decimal(<uint8_t *>self.port, port_of(descriptor))
        if self.relay.trusted:
            self.trusted = self.relay.trusts(self.address[:self.address_size])
        return 0

    # ------------------------------------------------------------ ends

    cdef int refuse(self, int status, str code) except -1:
        """The bytes are no request: one answer, then nothing more is parsed (RFC 9112, 2.2)."""
        cdef bytes answer = own_answer(self.relay, status, False, False)
        self.note(status, code, None)
        count_own_answer(self.relay, NULL, status, answer)
        if self.relay.access != ACCESS_OFF:
            write_own_line(self, status, answer, None, NULL)
        return self.answer(status, False, answer)

    cdef int note(self, int status, str reason, str service) except -1:
        if self.address_size == 0:
            self.read_address()
        self.relay.event(
            "answered",
            {"status": status, "reason": reason, "service": service, "client": self.address[:self.address_size].decode()},
        )
        return 0

    cdef int answer(self, int status, bint keep, bytes data) except -1:
        """Send an answer of our own. The client goes to IDLE, or to LINGER where unread bytes may be under way."""
        self.relay.totals.own_answers += 1
        self.relay.totals.answers[status // 100] += 1
        self.relay.totals.bytes_out += <uint64_t>PyBytes_GET_SIZE(data)
        self.exchange = None
        self.write(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        if keep:
            self.state = CLIENT_IDLE
            return 0
        return self.linger()

    cdef int part(self) except -1:
        """The last answer is out, and so is the request in. Who has said that nothing follows need not be waited for: both
        sides are closed at once, the answer's in front."""
        if not self.promised or self.held is not None or unread(descriptor_of(self)):
            return self.linger()
        self.state = CLIENT_CLOSED
        arm(self, self.relay.write_ticks)
        if not self.behind:
            self.write_end()
        return self.close_transport()

    cdef int linger(self) except -1:
        """The last answer is out. Close our side, and drop what still comes: closing both at once would reset the connection
        if something of the client's is unread or on its way, and might take the answer with it (RFC 9112, 9.6)."""
        self.held = None
        if self.relay.linger_ticks == 0 or self.half_closed:  # nothing will come
            self.state = CLIENT_CLOSED
            arm(self, self.relay.write_ticks)
            self.close_transport()
            return 0
        self.state = CLIENT_LINGER
        arm(self, self.relay.write_ticks if self.full else self.relay.linger_ticks)
        if not self.transport.is_closing():
            self.write_end()
            self.go_on_reading()
        return 0

    cdef int abort(self) except -1:
        """It has to be a reset where what the client has got would look like all there is."""
        cdef Exchange x = self.exchange
        if self.transport is not None:
            if x.ends_with_connection() if x is not None else self.transport.get_write_buffer_size() > 0:
                reset_on_close(descriptor_of(self))
            self.abort_transport()
        return 0

    cdef int reset(self) except -1:
        """Abort so that the client cannot take it for an end."""
        if self.transport is not None:
            reset_on_close(descriptor_of(self))
            self.abort_transport()
        return 0

    cdef int expired(self) except -1:
        cdef Exchange x = self.exchange
        if self.state == CLIENT_HEAD:
            self.refuse(408, "slow-head")
        elif (self.full or self.state != CLIENT_BUSY) and self.transport.get_write_buffer_size():
            # It has not taken all of its answer: time goes on for as long as it takes something
            if self.makes_progress():
                arm(self, self.relay.write_ticks)
            else:
                self.abort()
        elif self.state == CLIENT_IDLE:
            self.state = CLIENT_CLOSED
            self.close_transport()
        elif self.state == CLIENT_BUSY:
            x.client_expired()
        else:
            self.abort()
        return 0
