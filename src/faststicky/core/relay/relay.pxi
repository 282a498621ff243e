"""One worker's relay: the table in force, deadlines, limits and counters."""

cdef enum:
    MOST_EVENTS = 200         # kept between two ticks
    MOST_HEAD = 16777216      # bytes, where nothing less was asked for


cdef uint32_t ticks(seconds) except? 0xffffffff:
    """Seconds as ticks, rounded up; 0 stays 0 (no deadline)."""
    return <uint32_t>min(0x7fffffff, -int(-seconds * TICKS_PER_SECOND // 1))


cdef class Relay:
    """All of one worker's traffic. Owned by the thread of its event loop."""

    def __cinit__(self, *args, **kwargs):
        self.epoll = -1
        self.adopted_after = ADOPTED_AFTER
        self.places = 64
        self.due = <uint32_t *>fs_malloc(self.places * sizeof(uint32_t))
        self.owners = <void **>fs_malloc(self.places * sizeof(void *))
        self.free_places = <uint32_t *>fs_malloc(self.places * sizeof(uint32_t))
        if self.due == NULL or self.owners == NULL or self.free_places == NULL:
            raise MemoryError("no memory for the relay's deadlines")
        memset(self.due, 0, self.places * sizeof(uint32_t))
        memset(self.owners, 0, self.places * sizeof(void *))
        cdef uint32_t i
        for i in range(1, self.places):  # place 0 belongs to those who have none
            self.free_places[self.free_count] = self.places - i
            self.free_count += 1

    def __dealloc__(self):
        fs_free(self.due)
        fs_free(self.owners)
        fs_free(self.free_places)
        fs_free(self.out)
        fs_free(self.own_region)
        fs_free(self.lines)
        fs_free(self.inbox)
        if self.has_region:
            PyBuffer_Release(&self.region)

    def __init__(self, loop, options, on_event=None, on_full=None, region=None, on_access=None, max_upstream=0):
        self.loop = loop
        self.options = options
        self.on_event = on_event
        self.on_full = on_full
        self._open_region(region)
        self.on_access = on_access
        self.access = _FORMATS[options.access_log] if on_access is not None else ACCESS_OFF
        if self.access != ACCESS_OFF:
            self.lines = <uint8_t *>fs_malloc(MANY_LINES + LONGEST_LINE)
            if self.lines == NULL:
                raise MemoryError("no memory for access lines")
        self.upstreams = {}
        self.dialing = set()
        self.ejected = []
        self.past = []
        self.parked = set()
        self.events = []
        self.generation = -1
        self.request_limits.head = options.max_head or MOST_HEAD
        self.request_limits.line = options.max_line or self.request_limits.head
        self.request_limits.fields = options.max_fields or H1_FIELDS
        # Backends are trusted with more: their heads carry policies and many cookies
        self.answer_limits.head = max(65536, self.request_limits.head)
        self.answer_limits.line = max(32768, self.request_limits.line)
        self.answer_limits.fields = H1_FIELDS
        # A request: its head (lists in front of X-Forwarded-For and Via are of it), its host up to three times more, Upgrade
        # once more, each at most a line, our fields, our name in Via. An answer: its head, Upgrade once more, at most a head,
        # our fields with Set-Cookie, and the body's beginning behind it (answer_body). Our fields take less than 8 KiB: the
        # table bounds a backend's host and all of Set-Cookie.
        self.out_size = (
            3 * <size_t>max(self.answer_limits.head, self.request_limits.head) + 4 * <size_t>self.request_limits.line
            + <size_t>len(options.via) + JOIN + 8192
        )
        self.out = <uint8_t *>fs_malloc(self.out_size)
        if self.out == NULL:
            raise MemoryError("no memory for the relay's scratch")
        self.max_body = options.max_body
        self.max_connections = options.max_connections
        self.max_per_address = options.max_connections_per_client
        self.by_address = {}
        self.max_upstream = max_upstream
        self.max_requests = options.max_requests_per_connection
        self.head_ticks = ticks(options.head_timeout)
        self.keepalive_ticks = ticks(options.keepalive_timeout)
        self.response_ticks = ticks(options.response_timeout)
        self.idle_ticks = ticks(options.idle_timeout)
        self.write_ticks = ticks(options.write_timeout)
        self.tunnel_ticks = ticks(options.tunnel_timeout)
        self.half_close_ticks = ticks(options.half_close_grace)
        self.linger_ticks = ticks(options.linger)
        self.pool_ticks = ticks(options.pool_idle)
        self.pool_size = options.pool_size
        self.retries = options.retries
        self.eject_after = options.eject_after
        self.eject_ticks = max(1, ticks(options.eject_time))
        self.hold_ticks = ticks(options.hold)
        self.silence_timeout = options.silence_timeout
        self.replay_limit = options.replay_limit
        self.connect_timeout = options.connect_timeout
        self.underscores = options.underscores
        self.forwarded = options.forwarded
        self.request_id = options.request_id
        self.via = options.via.encode("ascii") if options.via else None
        self.trusted = [ipaddress.ip_network(each, strict=False) for each in options.trusted_proxies]
        self.id_high = int.from_bytes(os.urandom(8), "big")
        self.now = 1
        self._tick()

    cdef int _open_region(self, region) except -1:
        """The memory that counters are kept in: the supervisor's, or for a relay on its own just enough for the total."""
        if region is not None:
            PyObject_GetBuffer(region, &self.region, PyBUF_WRITABLE)
            self.has_region = True
            if self.region.len < REGION_SIZE:
                raise ValueError(f"a region of statistics has {REGION_SIZE} bytes, not {self.region.len}")
            self.total = stats_service(self.region.buf, 0)
            # what the worker before us had in flight ended with it
            self.total.counters.in_flight = self.total.counters.queued = 0
        else:
            self.own_region = fs_malloc(sizeof(service_series_t))
            if self.own_region == NULL:
                raise MemoryError("no memory for the relay's counters")
            memset(self.own_region, 0, sizeof(service_series_t))
            self.total = <service_series_t *>self.own_region
        return 0

    # ------------------------------------------------------------ for the worker

    def builder(self, int64_t generation):
        """Takes the pieces of the next table; see RelayBuilder."""
        return RelayBuilder(self, generation)

    def publish(self, spec):
        """Build a table from a model.TableSpec and swap it in, at once. Raises ValueError, and nothing has changed, if it is
        unsound."""
        builder = RelayBuilder(self, spec.generation)
        try:
            for _ in builder.whole(spec):
                pass
            for _ in builder.publish():
                pass
        except BaseException:
            for _ in builder.abandon():
                pass
            raise

    def client(self):
        """Protocol factory for loop.create_server."""
        return Client.__new__(Client, self)

    def drain(self):
        """Stop politely. Every answer from now on says that it is the last one; connections that stay idle for another two
        seconds are closed: one that is in use gets its polite end with its next answer. May be called again."""
        cdef uint32_t place
        cdef uint32_t limit = self.now + LEAVING_TICKS
        self.draining = True
        for place in range(1, self.places):
            if self.owners[place] == NULL or type(<object>self.owners[place]) is not Client:
                continue
            if (<Client>self.owners[place]).state == CLIENT_IDLE and (self.due[place] == 0 or self.due[place] > limit):
                self.due[place] = limit

    def close(self):
        """Abort whatever is left."""
        cdef uint32_t place
        cdef Peer peer
        self.closed = True
        if self.access != ACCESS_OFF:
            flush_lines(self)
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        for task in list(self.dialing):
            task.cancel()
        close_epoll(self)
        for place in range(1, self.places):
            if self.owners[place] != NULL:
                peer = <Peer>self.owners[place]
                if peer.transport is not None:
                    peer.abort()
        self.table = None
        self.past = []
        for upstream in self.upstreams.values():  # each of them holds the relay, and its users hold it
            (<Upstream>upstream).users = None
            (<Upstream>upstream).wanting = None
        self.upstreams = {}
        self.ejected = []

    def live(self):
        """What is alive now: numbers that return to zero when a relay has been closed; of C memory (of the whole process), to what
        they were before it was made."""
        return {
            "clients": self.live_clients,
            "exchanges": _live_exchanges,
            "upstream_idle": self.idle_connections,
            "upstream_busy": self.live_connections - self.idle_connections,
            "upstreams": len(self.upstreams),
            "connecting": len(self.dialing),
            "parked": len(self.parked),
            "tables": live_tables(),
            "adopted": self.live_adopted,
            "past_services": len(self.past),
            "deadlines": self.places - 1 - self.free_count,
            "memory_blocks": live_blocks(),
            "memory_bytes": live_bytes(),
        }

    def counters(self):
        """Totals since the start."""
        cdef counters_t *c = &self.totals
        found = {
            "connections": c.connections,
            "requests": c.requests,
            "bytes_in": c.bytes_in,
            "bytes_out": c.bytes_out,
            "own_answers": c.own_answers,
            "retries": c.retries,
            "connects": c.connects,
            "connect_errors": c.connect_errors,
            "upstream_errors": c.upstream_errors,
            "cut_answers": c.cut_answers,
            "ejections": c.ejections,
            "parked": c.parked,
        }
        for i in range(1, 6):
            found[f"answers_{i}xx"] = c.answers[i]
        for i, name in enumerate(OUTCOMES):
            found[f"sticky_{name}"] = c.outcomes[i]
        return found

    # ------------------------------------------------------------ for the connections

    cdef bint trusts(self, bytes address) except -1:
        found = ipaddress.ip_address(address.decode())
        return any(found in network for network in self.trusted)

    cdef int event(self, str name, dict detail) except -1:
        """Keep an event for the log until the next tick; beyond a bound they are only counted."""
        if self.on_event is None:
            return 0
        if len(self.events) >= MOST_EVENTS:
            self.dropped_events += 1
            return 0
        detail["event"] = name
        self.events.append(detail)
        return 0

    cdef int enlist(self, Peer peer) except -1:
        """Give `peer` a place among the deadlines. It is borrowed: delist before it dies."""
        cdef uint32_t more, i
        if self.free_count == 0:
            more = 2 * self.places
            due = <uint32_t *>fs_realloc(self.due, more * sizeof(uint32_t))
            if due != NULL:
                self.due = due
            owners = <void **>fs_realloc(self.owners, more * sizeof(void *))
            if owners != NULL:
                self.owners = owners
            places = <uint32_t *>fs_realloc(self.free_places, more * sizeof(uint32_t))
            if places != NULL:
                self.free_places = places
            if due == NULL or owners == NULL or places == NULL:
                raise MemoryError("no memory for another connection")
            for i in range(self.places, more):
                self.due[i] = 0
                self.owners[i] = NULL
                self.free_places[self.free_count] = more - 1 - (i - self.places)
                self.free_count += 1
            self.places = more
        self.free_count -= 1
        peer.place = self.free_places[self.free_count]
        self.owners[peer.place] = <void *>peer
        self.due[peer.place] = 0
        return 0

    cdef int delist(self, Peer peer) except -1:
        if peer.place:
            self.due[peer.place] = 0
            self.owners[peer.place] = NULL
            self.free_places[self.free_count] = peer.place
            self.free_count += 1
            peer.place = 0
        return 0

    def _readable(self):
        read_ready(self)

    def _tick(self):
        """Ten times a second: clock, deadlines, events."""
        cdef uint32_t place
        cdef Peer peer
        now = self.loop.time()
        if self.timer is None:
            self.started = now
        self.now = <uint32_t>int((now - self.started) * TICKS_PER_SECOND) + 1
        wall = int(time.time())
        if wall != self.wall:
            self.wall = wall
            self.window = <uint64_t>time.monotonic() // STATS_WINDOW
            note_stamp(self, wall, stats_clock())
            self.date = time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(wall)).encode("ascii")
        self.timer = self.loop.call_later(1.0 / TICKS_PER_SECOND, self._tick)
        place = 1
        while place < self.places:
            if self.due[place] and self.due[place] <= self.now:
                self.due[place] = 0
                peer = <Peer>self.owners[place]
                try:
                    if peer.transport is not None:
                        peer.expired()
                except Exception as error:
                    # One connection's fault must not cost the others their deadlines
                    self.loop.call_exception_handler({"message": "a deadline failed", "exception": error})
                    peer.abort()
            place += 1
        if self.access != ACCESS_OFF:
            flush_lines(self)
        if self.ejected:
            try_ejected(self)
        if self.past:
            free_past(self)
        if self.events:
            events, self.events = self.events, []
            if self.dropped_events:
                events.append({"event": "events-dropped", "count": self.dropped_events})
                self.dropped_events = 0
            for event in events:
                self.on_event(event)
