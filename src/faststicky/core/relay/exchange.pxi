"""One request and its answer: the decision where it goes, the request's way up, tries, and every way in which it ends.

The answer's way down is in answer.pxi.
"""


@cython.final
@cython.no_gc
@cython.freelist(256)
cdef class Exchange:
    """Made when a request's head is complete, gone when its answer is, or when the client is."""

    def __cinit__(self, Client client, Table table, Service service):
        global _live_exchanges
        _live_exchanges += 1
        self.client = client
        self.relay = client.relay
        self.table = table
        self.service = service
        self.stats = &self.relay.spare
        if service is not None and service.series and self.relay.has_region:
            self.stats = stats_service(self.relay.region.buf, service.series)

    def __dealloc__(self):
        global _live_exchanges
        _live_exchanges -= 1

    # ------------------------------------------------------------ the decision

    cdef int note_request(self, const uint8_t *data, const head_t *head) except -1:
        """What the request is."""
        cdef uint32_t method = head.method
        self.method = method
        self.http_10 = head.version == 10
        self.framing = head.framing
        self.left = head.content_length
        self.request_done = head.framing == FRAME_NONE or (head.framing == FRAME_LENGTH and head.content_length == 0)
        self.idempotent = (  # RFC 9110, 9.2.2; a method that we do not know may do anything
            method == METHOD_GET or method == METHOD_HEAD or method == METHOD_PUT or method == METHOD_DELETE
            or method == METHOD_OPTIONS
        )
        if head.framing == FRAME_CHUNKED:
            h1_chunk_begin(&self.chunk)
        if head.upgrade.size and self.request_done:
            self.upgrade = PyBytes_FromStringAndSize(<const char *>data + head.upgrade.at, head.upgrade.size)
        return 0

    cdef int decide(self, const uint8_t *data, const head_t *head) except -1:
        """Which backend it goes to (self.backend stays None if there is none)."""
        self.outcome = OUTCOME_NONE
        if self.service.sticky:
            self.outcome = OUTCOME_NEW
            self.secure = self.client.trusted and came_by_tls(data, head)
            if head.flags & HEAD_COOKIE and self.find_backend(data, head):
                return 0
        if self.service.balance == BALANCE_HASH:
            self.key = hash_key(self, data, head)
        return self.choose()

    cdef bint find_backend(self, const uint8_t *data, const head_t *head) except -1:
        """Follow the request's cookie. A browser may send several of one name (from several paths); any may count."""
        cdef uint32_t i, offset
        cdef uint32_t segment = 0
        cdef uint32_t kind = LOOKUP_NONE
        cdef const field_t *field
        cdef span_t value
        cdef int at
        cdef const uint8_t *name = <const uint8_t *>PyBytes_AS_STRING(self.service.cookie_name)
        cdef uint32_t name_size = <uint32_t>PyBytes_GET_SIZE(self.service.cookie_name)
        for i in range(head.count):
            field = &head.fields[i]
            if field.id != FIELD_COOKIE:
                continue
            offset = field.value.at
            while cookie_find(data + offset, field.value.at + field.value.size - offset, name, name_size, &value, &segment):
                if not self.has_cookie:
                    self.cookie_at = offset + segment
                self.has_cookie = True
                at = self.service.find(data + offset + value.at, value.size, &kind)
                if at >= 0:
                    self.at = <uint32_t>at
                    self.backend = <Backend>self.service.backends[at]
                    self.set_cookie = kind != LOOKUP_TASK
                    if kind == LOOKUP_TASK:
                        self.outcome = OUTCOME_DRAINING if self.backend.state == STATE_DRAINING else OUTCOME_HIT
                    elif kind == LOOKUP_SLOT:
                        self.outcome = OUTCOME_SLOT
                    else:
                        self.outcome = OUTCOME_FOREIGN if kind == LOOKUP_FOREIGN else OUTCOME_PREVIOUS
                    return True
                if kind != LOOKUP_NONE:
                    self.outcome = (
                        OUTCOME_LEAVING if kind == LOOKUP_LEAVING else OUTCOME_DOWN if kind == LOOKUP_DOWN else OUTCOME_EJECTED
                    )
                offset += value.at + value.size
        if self.has_cookie and self.outcome == OUTCOME_NEW:
            self.outcome = OUTCOME_GONE
        return False

    cdef int choose(self) except -1:
        """Let the balancer decide among the backends that this request has not tried."""
        cdef int at = choose_backend(self.service, self.tried, self.tried_count, self.key, self.relay.now)
        self.backend = None
        if at >= 0:
            self.at = <uint32_t>at
            self.backend = <Backend>self.service.backends[at]
            self.set_cookie = self.service.sticky
        return 0

    # ------------------------------------------------------------ the request's way up

    cdef Py_ssize_t send_head(self, bytes data) except -1:
        """Send the request in relay.head, with as much of its body as `data` holds; the bytes of `data` used."""
        cdef Relay relay = self.relay
        cdef Py_ssize_t used = relay.head.length
        cdef bytes piece
        self.raw = data
        if not self.request_done and used < PyBytes_GET_SIZE(data):
            piece = self.take_body(data, &used)
            if piece is None:
                self.give_up(h1_status_of(self.chunk.error.code), h1_name_of(self.chunk.error.code))
                return used
            if PyBytes_GET_SIZE(piece):
                self.keep_piece(piece)
            if relay.max_body and self.body > <uint64_t>relay.max_body:
                self.give_up(413, "body-too-large")
                return used
        if self.backend is not None:
            self.go(build_request(relay, self, <const uint8_t *>PyBytes_AS_STRING(data), &relay.head))
        elif not park(self):
            self.give_up(503, "no-backend")
        return used

    cdef int start_again(self) except -1:
        """A request that has waited for a backend, or for its turn: decide anew, with the table that is in force now."""
        cdef Relay relay = self.relay
        cdef Service service = relay.table.by_name.get(self.service.name)
        self.waiting = False
        if service is None:
            return self.give_up(503, "no-service")
        self.table = relay.table
        self.service = service
        self.tried_count = 0
        self.has_cookie = False
        h1_request(  # of bytes that were parsed before: it cannot fail
            <const uint8_t *>PyBytes_AS_STRING(self.raw), PyBytes_GET_SIZE(self.raw), &relay.request_limits, &relay.head
        )
        self.decide(<const uint8_t *>PyBytes_AS_STRING(self.raw), &relay.head)
        if self.backend is None:
            return 0 if park(self) else self.give_up(503, "no-backend")
        arm(self.client, 0)
        return self.go(build_request(relay, self, <const uint8_t *>PyBytes_AS_STRING(self.raw), &relay.head))

    cdef int go(self, Py_ssize_t size) except -1:
        """Send the head in relay.out[:size] and what is kept of the body: on an idle connection, or on a new one once it is
        open."""
        if not has_room(self):
            self.pending = PyBytes_FromStringAndSize(<const char *>self.relay.out, size)
            return 0 if enqueue(self) else self.give_up(503, "queue-full")
        return self.send(size)

    cdef int send(self, Py_ssize_t size=0) except -1:
        """It is this request's turn. Its head is in relay.out[:size]; size is 0 if it had to wait, then it is in `pending`."""
        cdef Upstream upstream = <Upstream>self.backend.upstream
        # A kept connection was stale: the others may be, too
        cdef Connection connection = None if self.repeated else upstream.take(not self.idempotent)
        count_try(self)
        if connection is not None:
            return self.attach(connection, size)
        if size:
            self.pending = PyBytes_FromStringAndSize(<const char *>self.relay.out, size)
        self.waiting = True
        if self.relay.access != ACCESS_OFF and self.dialed_at == 0:
            self.dialed_at = stats_clock()
        arm(self.client, self.relay.half_close_ticks if self.client.half_closed else 0)  # it is our turn
        return upstream.connect(self)

    cdef int attach(self, Connection connection, Py_ssize_t size=0) except -1:
        """The connection is there: send. `size`: see send."""
        cdef bytes data = self.pending
        self.pending = None
        self.waiting = False
        self.connection = connection
        connection.exchange = self
        connection.state = CONNECTION_BUSY
        if self.client.full:
            connection.stop_reading()
        if self.replay is not None:
            if size:
                data = PyBytes_FromStringAndSize(<const char *>self.relay.out, size)
                size = 0
            data = b"".join([data, *self.replay])
        self.sent = True
        if self.relay.access != ACCESS_OFF:
            self.sent_at = stats_clock()
        if not self.idempotent or self.replayed > self.relay.replay_limit:
            self.raw = None
            self.replay = None
        if size:
            connection.send(self.relay.out, size)
        else:
            connection.send(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        if self.request_done:
            arm(self.client, self.relay.half_close_ticks if self.client.half_closed else 0)
            if not connection.full:
                arm(connection, self.relay.response_ticks)
        elif not connection.full:
            arm(connection, 0)
            arm(self.client, self.relay.idle_ticks)
            if self.client.held is None:
                self.client.go_on_reading()
        return 0

    cdef bytes take_body(self, bytes data, Py_ssize_t *used):
        """The body's part of data[*used:], framed for the backend; None if it is malformed (self.chunk.error)."""
        cdef Py_ssize_t size = PyBytes_GET_SIZE(data) - used[0]
        cdef Py_ssize_t begin = used[0]
        cdef bint done = False
        cdef bytes piece
        if self.framing == FRAME_LENGTH:
            if size > self.left:
                size = self.left
            self.left -= size
            self.body += <uint64_t>size
            used[0] += size
            self.request_done = self.left == 0
            if size == PyBytes_GET_SIZE(data):
                return data
            return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + begin, size)
        piece = reframe(&self.chunk, self.relay.out, 0, data, used, True, &done)
        self.body = self.chunk.payload
        self.request_done = done
        return piece

    cdef int keep_piece(self, bytes piece) except -1:
        """Keep a piece of the body for as long as it may have to be sent (again)."""
        if self.replay is None:
            self.replay = []
        self.replay.append(piece)
        self.replayed += PyBytes_GET_SIZE(piece)
        return 0

    cdef int request_bytes(self, bytes data) except -1:
        """More from the client while the exchange is under way."""
        cdef Py_ssize_t used = 0
        cdef bytes piece
        if self.request_done:
            return self.client.hold(data)
        piece = self.take_body(data, &used)
        count_in(self, used)
        if piece is None:
            return self.give_up(h1_status_of(self.chunk.error.code), h1_name_of(self.chunk.error.code))
        if self.relay.max_body and self.body > <uint64_t>self.relay.max_body:
            return self.give_up(413, "body-too-large")
        if used < PyBytes_GET_SIZE(data):
            self.client.hold(data[used:])
        if PyBytes_GET_SIZE(piece):
            if self.raw is not None:
                self.keep_piece(piece)
                if self.replayed > self.relay.replay_limit:
                    if self.connection is None:  # none yet, or none any more: the pieces have still to be sent
                        self.client.stop_reading()
                    else:
                        self.raw = None
                        self.replay = None
            if self.connection is not None:
                self.connection.send(PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
                if self.client is None:  # the write found the connection dead, and that ended the exchange
                    return 0
        return self.went_on() if self.connection is not None else 0

    cdef bint pass_body(self, const char *data, Py_ssize_t size) except -1:
        """More of a body that goes up as it is, and is not kept for another try. False: it has to be looked at (request_bytes)."""
        if (
            self.framing != FRAME_LENGTH or self.request_done or size > self.left or self.raw is not None
            or self.connection is None
        ):
            return False
        count_in(self, size)
        self.left -= size
        self.body += <uint64_t>size
        self.request_done = self.left == 0
        self.connection.send(data, size)
        if self.client is not None:  # else the write found the connection dead, and that ended the exchange
            self.went_on()
        return True

    cdef int went_on(self) except -1:
        """A piece of the body was sent."""
        if self.request_done:
            if not self.client.full:  # else its deadline is the answer's
                arm(self.client, self.relay.half_close_ticks if self.client.half_closed else 0)
            if self.state == ANSWER_HEAD and not self.connection.full:
                arm(self.connection, self.relay.response_ticks)
        elif not self.connection.full:
            self.await_body()
        return 0

    cdef int await_body(self) except -1:
        """More of the request is awaited from the client. Once the answer has begun, what moves in either direction counts."""
        if self.state == ANSWER_HEAD:
            if not self.client.full:
                arm(self.client, self.relay.idle_ticks)
        elif self.connection.reading:
            arm(self.connection, self.relay.idle_ticks)
        return 0

    # ------------------------------------------------------------ failures and tries

    cdef int connect_failed(self, str reason) except -1:
        """Nothing was sent: any request may try elsewhere."""
        self.waiting = False
        self.tell("connect-failed", reason)
        return self.retry(False, 504 if reason == "connect-timeout" else 502, reason)

    cdef int upstream_ended(self, bint clean) except -1:
        """The backend has closed the connection (clean) or it was reset."""
        cdef Connection connection = self.connection
        cdef bint stale = connection.served > 0 and connection.held is None
        if self.status == 101:
            return self.tunnel_ended(clean, "--" if clean else "SD")
        if self.state == ANSWER_BODY and self.answer_framing == FRAME_CLOSE and clean:
            return answer_closed(self)
        if self.state == ANSWER_HEAD:
            self.let_go(False)
            # A kept connection that the backend has just closed says nothing about the backend (RFC 9112, 9.3.1): the user's
            # own task gets the request again, once, on a new connection. Anything else is tried elsewhere, also what was lost
            # because the machine of the backend is silent (health.pxi).
            stale = stale and not self.repeated and not (<Upstream>self.backend.upstream).load.ejected
            if not stale:
                count_failure(self, <Upstream>self.backend.upstream, False)
                upstream_fails(self, <Upstream>self.backend.upstream, False)
                self.tell("upstream-failed", "closed-before-answer")
            if self.raw is None or self.interim:
                return self.give_up(502, "closed-before-answer")
            self.repeated = self.repeated or stale
            return self.retry(stale, 502, "closed-before-answer")
        return self.upstream_failed(502, "closed-early")

    cdef int upstream_failed(self, int status, str reason) except -1:
        """The backend answered nonsense, or not in time, or not to the end: not to be tried again."""
        self.relay.totals.upstream_errors += 1
        count_failure(self, <Upstream>self.backend.upstream, False)
        self.tell("upstream-failed", reason)
        self.let_go(False)
        return self.give_up(status, reason)

    cdef int retry(self, bint same, int status, str reason) except -1:
        """Send the request again: to the same backend, or to one that it has not seen. Otherwise answer `status`."""
        cdef Relay relay = self.relay
        cdef uint32_t limit = relay.retries if relay.retries < MOST_TRIES else MOST_TRIES
        if self.client is None:
            return 0
        self.leave()
        if not same:
            if self.tried_count >= limit:
                return self.give_up(status, reason)
            self.tried[self.tried_count] = self.at
            self.tried_count += 1
            self.choose()
            if self.backend is None:
                return 0 if park(self) else self.give_up(status, reason)
            if OUTCOME_HIT <= self.outcome <= OUTCOME_PREVIOUS:
                self.outcome = OUTCOME_FAILED
        relay.totals.retries += 1
        h1_request(  # of bytes that were parsed before: it cannot fail
            <const uint8_t *>PyBytes_AS_STRING(self.raw), PyBytes_GET_SIZE(self.raw), &relay.request_limits, &relay.head
        )
        return self.go(build_request(relay, self, <const uint8_t *>PyBytes_AS_STRING(self.raw), &relay.head))

    cdef int leave(self) except -1:
        """The request is no longer with its backend: another one's turn may have come."""
        cdef Upstream upstream
        if self.queued:
            return leave_queue(self)
        if self.counted_at is None:
            return 0
        upstream = <Upstream>self.counted_at.upstream
        count_leave(self)
        return serve_queue(upstream) if upstream.queue else 0

    cdef int tell(self, str name, str reason) except -1:
        return self.relay.event(name, {"reason": reason, "service": self.service.name, "backend": self.backend.name})

    # ------------------------------------------------------------ deadlines

    cdef int client_expired(self) except -1:
        """The client was too slow: with its request, in taking the answer, or it had left and no answer came in time. Or it
        has waited for a backend long enough."""
        cdef Client client = self.client
        if self.queued:
            return self.give_up(503, "queue-timeout")
        if self in self.relay.parked:
            return self.give_up(503, "no-backend")
        if client.full or client.half_closed or self.state != ANSWER_HEAD:
            return client.abort()
        return self.give_up(408, "slow-body")

    cdef int upstream_expired(self) except -1:
        """The backend was too slow: in taking the request, or with its answer. Or nobody has said anything in a tunnel."""
        if self.status == 101 and not self.connection.full:
            return self.tunnel_ended(False, "sD")
        return self.upstream_failed(504, "slow-upload" if self.connection.full else
                                    "slow-answer" if self.state == ANSWER_HEAD else "stalled-answer")

    # ------------------------------------------------------------ ends

    cdef int let_go(self, bint reusable) except -1:
        """Part with the connection."""
        cdef Connection connection = self.connection
        self.connection = None
        if connection is None:
            return 0
        connection.served += 1
        connection.exchange = None
        if reusable:
            return connection.upstream.give(connection)
        return connection.close()

    cdef int finish(self) except -1:
        """The answer is complete."""
        cdef Client client = self.client
        self.state = ANSWER_DONE
        self.let_go(self.reusable and self.request_done)
        self.leave()  # whose turn it is now may take the connection
        count_end(self, True)
        write_line(self, self.status, "--")
        self.client = None
        client.exchange = None
        if self.keep and self.request_done:
            return client.next_request()
        return client.part() if self.request_done else client.linger()

    cdef bint is_last(self) noexcept:
        """The end of this answer is the end of what the client gets."""
        return not self.keep or not self.request_done

    cdef bint ends_with_connection(self) noexcept:
        """An answer has begun whose end is that of the client's connection."""
        return self.state == ANSWER_BODY and self.status != 101 and self.answer_framing != FRAME_LENGTH and not self.rechunk

    cdef int give_up(self, int status, str reason) except -1:
        """No answer, or no more of it, will come from a backend: answer `status`, or cut what has begun."""
        cdef Client client = self.client
        cdef bint keep = self.keep and self.request_done
        cdef bytes answer = None
        if client is None:
            return 0
        if self.state == ANSWER_HEAD:
            answer = own_answer(self.relay, status, keep, self.method == METHOD_HEAD)
            self.sent_down += <uint64_t>PyBytes_GET_SIZE(answer)
        self.waiting = False
        self.relay.parked.discard(self)
        self.leave()
        count_end(self, False)
        write_line(self, self.status if answer is None else status, self.ending(status))
        self.let_go(False)
        self.client = None
        client.exchange = None
        if answer is None:
            # The status line is out: only a cut can say that the rest is missing. Where the end of the connection would
            # mean the end of the body, it must be a reset.
            self.relay.totals.cut_answers += 1
            client.state = CLIENT_CLOSED  # until connection_lost comes, its deadline may: it must find no exchange
            if self.status == 101 or self.ends_with_connection():
                client.reset()
            else:
                arm(client, self.relay.write_ticks)
                client.close_transport()
            return 0
        client.note(status, reason, self.service.name)
        count_own_answer(self.relay, self.stats, status, answer)
        client.answer(status, keep, answer)
        return client.next_request() if keep else 0

    cdef const char *ending(self, int status) noexcept:
        """Why and where it ended, in HAProxy's letters: who (S backend, s its time-out, c client's time-out, P we), and in which
        phase (R request, C connect, H head of the answer, D its data)."""
        if self.state != ANSWER_HEAD:
            return "sD" if status == 504 else "SD"
        if status == 408:
            return "cR"
        if status == 504:
            return "sH" if self.sent else "sC"
        if status == 502 or status == 503:
            return "SH" if self.sent else "SC"
        return "PR"

    cdef int tunnel_ended(self, bint clean, const char *end) except -1:
        """The backend's end of a tunnel is gone: what it sent still goes to the client, whose end then closes as this one did.
        How long it was open is nobody's latency."""
        cdef Client client = self.client
        self.leave()
        count_end(self, False)
        write_line(self, self.status, end)
        self.let_go(False)
        self.client = None
        client.exchange = None
        client.state = CLIENT_CLOSED
        if not clean:
            return client.reset()
        arm(client, self.relay.write_ticks)
        client.close_transport()
        return 0

    cdef int client_lost(self, bint reset) except -1:
        """The client is gone: what its backend still does for it is in vain (RFC 9112, 9.5)."""
        cdef Connection connection = self.connection
        self.client = None
        self.waiting = False
        self.relay.parked.discard(self)
        self.leave()
        count_end(self, False)
        write_line(
            self, self.status if self.status else 499,
            "--" if self.status == 101 else "CD" if self.state == ANSWER_BODY else "CR" if not self.request_done else
            "CH" if connection is not None else "CC"
        )
        if connection is not None and connection.state == CONNECTION_TUNNEL:
            self.connection = None
            if reset and connection.transport is not None:  # what it sent was not all: no end may say that it was
                reset_on_close(descriptor_of(connection))
                return connection.close()
            connection.exchange = None
            connection.state = CONNECTION_CLOSED
            arm(connection, self.relay.write_ticks)
            if connection.transport is not None:
                connection.unsent = connection.untaken()
                connection.close_transport()
            return 0
        return self.let_go(False)
