"""The backends' side of the relay: pools of connections, and the connection to one backend."""

cdef enum:
    FRESH_TICKS = 10          # an idle connection that was used within this time is still there, most likely
    MOST_AHEAD = 32768        # bytes that fit into any receive window, so that every live machine acknowledges them
    LAST_PIECE = 16384        # of what is read when a connection has failed
    MOST_DIALS = 64           # at once: the queue of a listening backend has room for 128, often, and there are other workers


@cython.final
@cython.no_gc
cdef class Upstream:
    """The live side of one backend: outlives tables for as long as they name the same backend at the same address."""

    def __cinit__(self, Relay relay, Backend backend):
        self.relay = relay
        self.name = backend.name
        self.host = backend.host
        self.port = backend.port
        self.authority = (f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}").encode("ascii")
        self.load.born = relay.now if relay.generation >= 0 else 0  # those of the first table are no newcomers
        self.stats = &relay.spare.counters
        self.count_in(backend.series)

    cdef Connection take(self, bint fresh):
        """An idle connection, the last used first; None if there is none. `fresh`: only one that was used a moment ago,
        for a request that could not be repeated if its backend has just closed the connection."""
        cdef Connection connection = self.newest
        while connection is not None and connection.has_ended():
            connection.close()
            connection = self.newest
        if connection is None or (fresh and self.relay.now - connection.idle_since > FRESH_TICKS):
            return None
        leave_pool(connection)
        return connection

    cdef int give(self, Connection connection) except -1:
        """Back into the pool, or to whoever waits for one; closed if the pool is full or nobody will ask for this backend again."""
        cdef Relay relay = self.relay
        cdef Exchange x
        connection.exchange = None
        if self.retired or self.leaving or self.load.ejected or relay.closed or connection.full or connection.ending:
            return connection.close()
        if self.pooled >= relay.pool_size:
            return connection.close()
        if connection.served == relay.adopted_after:
            adopt(connection)
        if connection.patient:
            connection.look()
        else:
            connection.ahead = 0
        connection.go_on_reading()
        if self.connecting and self.wanting:
            x = self.next_wanting()
            if x is not None:
                return x.attach(connection)
        connection.state = CONNECTION_IDLE
        connection.idle_since = relay.now
        arm(connection, relay.pool_ticks)
        enter_pool(connection)
        return 0

    cdef int connect(self, Exchange x) except -1:
        """Open a connection for `x`, which is told by attach or connect_failed. When many are being opened, it waits until one
        of them is there, or until somebody else's becomes free."""
        if self.connecting >= MOST_DIALS:
            if self.wanting is None:
                self.wanting = collections.deque()
            self.wanting.append(x)
            return 0
        if self.relay.max_upstream and self.relay.live_connections + len(self.relay.dialing) >= self.relay.max_upstream:
            close_oldest(self.relay)
        self.connecting += 1
        self.relay.totals.connects += 1
        task = self.relay.loop.create_task(self._connect(x))
        self.relay.dialing.add(task)
        task.add_done_callback(self.relay.dialing.discard)
        return 0

    async def _connect(self, Exchange x):
        cdef Connection connection
        # Who has waited for another backend already waits half as long for this one
        try:
            connection = await self._dial(self.relay.connect_timeout / (2 if x.tried_count else 1))
        except Exception as error:  # OSError, or what else a library says of a name or an option
            self.connecting -= 1
            self.relay.totals.connect_errors += 1
            if not dial.is_own(error):
                count_failure(x, self, True)
                upstream_fails(x, self, isinstance(error, TimeoutError))
            reason = dial.reason(error)
            if self.is_awaited_by(x):
                x.connect_failed(reason)
            if self.load.ejected or isinstance(error, TimeoutError):
                while (x := self.next_wanting()) is not None:
                    x.connect_failed(reason)
            self.dial_next()
            return
        except BaseException:  # the worker is stopping
            self.connecting -= 1
            self.wanting = None
            raise
        self.connecting -= 1
        if connection.state == CONNECTION_CLOSED:  # and closed again by the backend
            if self.is_awaited_by(x):
                x.connect_failed("closed")
        elif self.is_awaited_by(x):
            x.attach(connection)
        else:
            self.give(connection)
        self.dial_next()

    cdef Exchange next_wanting(self):
        """Whoever has waited longest for a connection, and still does; None if nobody does."""
        cdef Exchange x
        while self.wanting:
            x = <Exchange>self.wanting.popleft()
            if self.is_awaited_by(x):
                return x
        return None

    cdef int dial_next(self) except -1:
        """One dial is over: another one can begin."""
        cdef Exchange x = self.next_wanting()
        return self.connect(x) if x is not None else 0

    cdef bint is_awaited_by(self, Exchange x) noexcept:
        """False if `x` has given up, or gone elsewhere, while the connection was opened."""
        return x.waiting and x.backend is not None and x.backend.upstream is self

    def _dial(self, double timeout):
        cdef Relay relay = self.relay
        return dial.dial(relay.loop, self._new, self.host, self.port, timeout, relay.silence_timeout)

    cdef int add_user(self, Backend backend) except -1:
        """A backend of the table in force, or of the next."""
        cdef Backend last = self.users
        if last is None:
            self.users = backend
            return 0
        while last.next_user is not None:
            last = last.next_user
        last.next_user = backend
        return 0

    cdef int remove_user(self, Backend backend) except -1:
        cdef Backend before = self.users
        if before is backend:
            self.users = backend.next_user
        else:
            while before is not None and before.next_user is not backend:
                before = before.next_user
            if before is not None:
                before.next_user = backend.next_user
        backend.next_user = None
        return 0

    cdef int settle(self) except -1:
        """The table in force has other users for it than the one before."""
        cdef Backend user = self.users
        cdef bint counted = False
        if user is None:  # it was retired in the meantime
            return 0
        self.leaving = True
        while user is not None:
            self.leaving &= user.state >= STATE_LEAVING
            counted |= user.series == self.series
            user = user.next_user
        if not counted:
            self.count_in(self.users.series)
        if self.leaving:
            self.close_idle()
            empty_queue(self)
        return 0

    cdef int count_in(self, uint32_t series) except -1:
        """Its numbers go to this series; a backend of several services has one in all of them."""
        cdef Relay relay = self.relay
        cdef series_t *stats = stats_backend(relay.region.buf, series) if series and relay.has_region else &relay.spare.counters
        self.series = series
        if stats != self.stats:
            if self.stats != &relay.spare.counters:
                stats.in_flight = self.stats.in_flight
                stats.queued = self.stats.queued
            elif relay.generation < 0:  # the worker before us may have left something
                stats.in_flight = stats.queued = 0
            # else what is there is of requests that began when an earlier table had this backend
            stats.ejected = self.load.ejected
            self.stats = stats
        return 0

    cdef int start_trial(self) except -1:
        """Connect for nobody, to see whether the backend is back."""
        task = self.relay.loop.create_task(self._try())
        self.relay.dialing.add(task)
        task.add_done_callback(self.relay.dialing.discard)
        return 0

    async def _try(self):
        try:
            connection = await self._dial(self.relay.connect_timeout)
        except Exception:
            trial_over(self, False)
            return
        trial_over(self, True)
        self.give(<Connection>connection)

    def _new(self):
        return Connection.__new__(Connection, self)

    cdef int retire(self) except -1:
        """No table names this backend any more: idle connections go now, busy ones with their exchange."""
        self.retired = True
        self.stats.ejected = 0
        self.close_idle()
        return empty_queue(self)

    cdef int close_idle(self) except -1:
        cdef Connection connection
        while self.oldest is not None:
            connection = self.oldest
            connection.close()
        return 0


cdef int close_oldest(Relay relay) except -1:
    """Of all idle connections, whosever they are: descriptors are needed for requests."""
    cdef Connection oldest = None
    cdef Connection first
    for each in relay.upstreams.values():
        first = (<Upstream>each).oldest
        if first is not None and (oldest is None or first.idle_since < oldest.idle_since):
            oldest = first
    if oldest is not None:
        oldest.close()
    return 0


@cython.final
@cython.no_gc
cdef class Connection(Peer):
    """A connection to a backend. States: connection_state."""

    def __cinit__(self, Upstream upstream):
        self.relay = upstream.relay
        self.upstream = upstream
        self.state = CONNECTION_CLOSED
        self.relay.live_connections += 1

    def __dealloc__(self):
        if self.relay is not None:
            self.relay.live_connections -= 1

    def connection_made(self, transport):
        self.transport = transport
        self.state = CONNECTION_BUSY
        self.relay.enlist(self)

    def data_received(self, bytes data not None):
        if self.relay.adopted_after == 0:
            adopt(self)
        self.received(data)

    def eof_received(self):
        return self.ended()

    cdef bint pass_on(self, const char *data, Py_ssize_t size) except -1:
        cdef Exchange x = self.exchange  # a reference of our own: what is called may end the exchange
        if self.patient:
            self.look()
        if self.state == CONNECTION_TUNNEL:
            tunnel_down(x, data, size)
        elif self.state == CONNECTION_BUSY and x is not None and x.state == ANSWER_BODY and (
            (x.answer_framing == FRAME_LENGTH and size <= x.answer_left) or (x.answer_framing == FRAME_CLOSE and not x.rechunk)
        ):
            body_piece(x, self, data, size)
        else:
            return False
        return True

    cdef int received(self, bytes data) except -1:
        cdef Exchange x = self.exchange  # a reference of our own: what is called may end the exchange
        if self.patient:
            self.look()
        if self.state == CONNECTION_BUSY and x is not None:
            answer_bytes(x, self, data)
        elif self.state == CONNECTION_TUNNEL:
            tunnel_down(x, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        else:
            # An answer that nobody asked for is no answer (RFC 9112, 9.2): it must never meet the next request.
            self.close()
        return 0

    cdef bint ended(self) except -1:
        cdef Exchange x = self.exchange
        if self.state == CONNECTION_TUNNEL:
            return tunnel_half_closed(x, False)
        if x is not None and self.state == CONNECTION_BUSY:
            x.upstream_ended(True)
        return False

    def connection_lost(self, error):
        cdef Exchange x = self.exchange
        cdef bint clean
        if error is None:
            error = self.fault
        if error is not None and x is not None and x.connection is self and (x.raw is None or self.served == 0):
            self.read_last(x)
        disown(self)
        self.descriptor = -1  # its number may be another connection's from now on
        if dial.is_silence(error) and not self.patient:
            machine_is_silent(x, self.upstream)
        if self.state == CONNECTION_IDLE:
            leave_pool(self)
        clean = error is None and self.state == CONNECTION_TUNNEL  # the backend's own end of anything else came by `ended`
        self.state = CONNECTION_CLOSED
        self.exchange = None
        self.transport = None
        self.relay.delist(self)
        if x is not None and x.connection is self:
            x.upstream_ended(clean)  # what is held of an answer tells it that this connection was not stale
        self.held = None

    def pause_writing(self):
        """The backend does not take the request: its client is no longer read."""
        self.full = True
        self.unsent = self.untaken()
        if self.exchange is not None and self.exchange.client is not None:
            self.exchange.client.stop_reading()
            if not self.exchange.client.full:  # who takes no answer either has to be let go for that
                arm(self.exchange.client, 0)
        arm(self, self.relay.write_ticks)

    def resume_writing(self):
        cdef Exchange x = self.exchange
        self.full = False
        if x is None or x.client is None:  # it is closing: the rest has to be taken, too
            return
        arm(self, 0)
        if self.state == CONNECTION_TUNNEL:
            x.client.go_on_reading()
            if self.reading:
                arm(self, self.relay.tunnel_ticks)
        elif not x.request_done:
            x.client.go_on_reading()
            x.await_body()
        else:
            x.client.read_on()
            if x.state == ANSWER_HEAD:
                arm(self, self.relay.response_ticks)
            elif self.reading:
                arm(self, self.relay.idle_ticks)

    cdef int send(self, const void *data, Py_ssize_t size) except -1:
        """Write. An application that does not read closes its window after a while, and the kernel's time-out for silence
        runs then, too, although the other machine is well (tcp(7), TCP_USER_TIMEOUT): what may be more than the window holds
        is left to our own deadline for it (write_timeout), and the kernel gets more time than that."""
        cdef Relay relay = self.relay
        cdef double ours
        self.ahead += size
        if self.ahead > MOST_AHEAD and not self.patient and relay.silence_timeout:
            self.patient = True
            ours = 2.0 * relay.write_ticks / TICKS_PER_SECOND
            set_user_timeout(descriptor_of(self), ours + relay.silence_timeout if relay.write_ticks else 0)
        return self.write(data, size)

    cdef bint has_ended(self) except -1:
        """Of an idle one: the backend's end of it was read in this turn of the loop, and connection_lost has still to come."""
        return self.watched == 0 if self.adopted else self.transport.is_closing()

    cdef int look(self) except -1:
        """Has the backend's machine taken everything? Then its silence means something again."""
        if self.transport is not None and self.untaken() == 0:
            self.patient = False
            self.ahead = 0
            set_user_timeout(descriptor_of(self), self.relay.silence_timeout)
        return 0

    cdef int read_last(self, Exchange x) except -1:
        """Writing has failed, but an answer may have come before: a backend that refuses an upload closes behind its answer, and
        what is still on its way makes a reset of that. Not if the request can be sent again, and the connection may have been
        closed before it came."""
        cdef char piece[LAST_PIECE]
        cdef ssize_t size
        self.ending = True  # it will not be used again
        self.reading = False
        while self.exchange is x:
            size = recv(descriptor_of(self), piece, LAST_PIECE, MSG_DONTWAIT)
            if size <= 0:
                return 0
            self.received(PyBytes_FromStringAndSize(piece, size))
        return 0

    cdef int close(self) except -1:
        """Owner's end of it: nothing more is sent or read."""
        if self.state == CONNECTION_IDLE:
            leave_pool(self)
        self.exchange = None
        self.held = None
        self.state = CONNECTION_CLOSED
        if self.transport is not None:
            self.abort_transport()
        return 0

    cdef int expired(self) except -1:
        cdef Exchange x = self.exchange
        if self.state == CONNECTION_IDLE:
            self.close()
        elif (self.full or self.state == CONNECTION_CLOSED) and self.makes_progress():
            arm(self, self.relay.write_ticks)
        elif x is not None:
            x.upstream_expired()
        else:
            self.close()
        return 0
