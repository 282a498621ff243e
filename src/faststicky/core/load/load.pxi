"""The load of one event loop: pace, idle connections, counters."""

cdef enum:                    # kinds of errors
    ERROR_CONNECT = 0         # no connection within the time-out
    ERROR_RESET = 1           # the connection was lost before the answer began
    ERROR_SHORT = 2           # ... in the middle of the answer
    ERROR_TIMEOUT = 3
    ERROR_MALFORMED = 4       # an answer that cannot be read, or that nobody asked for; another echo than what was sent
    ERROR_UPGRADE = 5         # no WebSocket
    ERROR_KINDS = 6

ERRORS = ("connect", "reset", "short", "timeout", "malformed", "upgrade")

cdef enum:                    # what tells backends apart
    BY_NOTHING = 0
    BY_BODY = 1
    BY_HEADER = 2
    BY_COOKIE = 3

_IDENTIFY = {"nothing": BY_NOTHING, "body": BY_BODY, "header": BY_HEADER, "cookie": BY_COOKIE}

cdef struct load_counts_t:
    uint64_t requests         # complete answers, of whatever status; WebSocket: echoes
    uint64_t errors[ERROR_KINDS]
    uint64_t answers[6]       # by class; [0] is not used
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t connects
    uint64_t repeated         # sent again, since the server closed the connection politely before their turn
    uint64_t cookies_set      # Set-Cookie fields
    uint64_t elsewhere        # requests with a cookie that another backend answered than the user's
    uint64_t moved            # users to whom that happened for the first time


cdef class Load:
    """All clients of one event loop. Owned by its thread."""

    cdef object loop
    cdef object dial          # called with a Client that is to be replaced by a connected one
    cdef object on_done       # called once everything that was asked is answered, after stop() or `limit` requests
    cdef list requests
    cdef uint32_t request_count
    cdef list sessions
    cdef list clients         # by place: the connection in use, None while there is none
    cdef uint32_t depth
    cdef uint64_t limit
    cdef uint64_t issued
    cdef uint64_t in_flight
    cdef double close_ratio
    cdef double close_debt
    cdef int64_t timeout
    cdef bint running
    cdef bint done
    # open loop
    cdef double interval      # nanoseconds between two requests; 0: closed loop
    cdef int64_t began
    cdef uint64_t planned     # requests that the plan has given out
    cdef int64_t next_at
    cdef list idle            # clients with room for a request
    cdef int timer
    # identity
    cdef int by
    cdef bytes wanted         # header (lower case) or cookie
    cdef readonly Identities identities
    # WebSocket
    cdef bytes frame
    cdef bytes payload
    # results
    cdef readonly Histogram latency    # from the moment of sending
    cdef readonly Histogram corrected  # from the moment at which it was to be sent
    cdef readonly Histogram late       # how late the generator itself was
    cdef load_counts_t c
    cdef head_t head
    cdef limits_t limits

    def __cinit__(self, *args, **kwargs):
        self.timer = -1

    def __init__(
        self, loop, dial, on_done, list requests not None, *, uint32_t connections, uint32_t sessions=0, bytes cookies=b"",
        uint32_t depth=1, double rate=0, double phase=0, uint64_t limit=0, double close_ratio=0, double timeout=10,
        str identify="cookie", bytes wanted=b"", bytes echo=None,
    ):
        cdef uint32_t i
        if not requests or connections == 0 or depth == 0:
            raise ValueError("a load needs at least one request, one connection and a depth of one")
        self.loop = loop
        self.dial = dial
        self.on_done = on_done
        self.requests = requests
        self.request_count = <uint32_t>len(requests)
        self.depth = depth
        self.limit = limit
        self.close_ratio = close_ratio
        self.timeout = <int64_t>(timeout * 1e9)
        self.interval = 1e9 / rate if rate else 0
        self.began = <int64_t>(phase * 1e9)
        self.by = _IDENTIFY[identify]
        self.wanted = wanted.lower() if identify == "header" else wanted
        self.identities = Identities()
        self.latency = Histogram()
        self.corrected = Histogram()
        self.late = Histogram()
        self.limits.head = 65536
        self.limits.line = 32768
        self.limits.fields = 256
        self.idle = []
        self.clients = [None] * connections
        keep = (sessions or 1) * <uint64_t>self.request_count <= MOST_BUILT
        self.sessions = [new_session(sessions > 0, self.request_count, keep, cookies) for i in range(sessions or 1)]
        for i in range(len(self.sessions)):  # users begin on different pages
            (<Session>self.sessions[i]).at = i % self.request_count
        if echo is not None:
            self.payload = echo
            self.frame = masked_frame(2, echo)

    def __dealloc__(self):
        if self.timer >= 0:
            close(self.timer)

    # ------------------------------------------------------------ for the generator

    def start(self):
        """Open all connections, and keep to the plan from now on."""
        cdef uint32_t i
        self.running = True
        if self.interval:
            self.began += now_ns()
            self.next_at = self.began
            self.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)
            if self.timer < 0:
                raise OSError("no timer file descriptor")
            self.loop.add_reader(self.timer, self._due)
        for i in range(len(self.clients)):
            self.dial(Client(self, i))

    def stop(self):
        """Nothing new is sent; what is under way may end."""
        self.running = False
        if self.timer >= 0:
            self.loop.remove_reader(self.timer)
            close(self.timer)
            self.timer = -1
        self.settle()

    def close(self):
        """Abort every connection; what was still under way is a time-out."""
        self.running = False
        for client in self.clients:
            if client is not None and not (<Client>client).spent:
                (<Client>client).fail_all(ERROR_TIMEOUT)
                (<Client>client).leave()

    def sweep(self):
        """Give up what has taken too long. To be called a few times a second."""
        cdef int64_t now = now_ns()
        for client in self.clients:
            if client is not None and (<Client>client).is_overdue(now):
                (<Client>client).fail_all(ERROR_TIMEOUT)
                (<Client>client).leave()

    def connect_failed(self):
        """A connection could not be opened; True if another attempt is wanted. Counts as a request of `limit`."""
        if not self.may_send():
            return False
        self.c.errors[ERROR_CONNECT] += 1
        self.issued += 1
        self.settle()
        return self.may_send()

    @property
    def wants_more(self):
        """True while there is something to send."""
        return self.may_send()

    @property
    def under_way(self):
        """Requests that have no answer yet."""
        return self.in_flight

    def take(self):
        """Everything that was counted since the last time, by name."""
        found = {
            "requests": self.c.requests,
            "errors": {ERRORS[i]: self.c.errors[i] for i in range(ERROR_KINDS) if self.c.errors[i]},
            "answers": [self.c.answers[i] for i in range(6)],
            "bytes_in": self.c.bytes_in,
            "bytes_out": self.c.bytes_out,
            "connects": self.c.connects,
            "repeated": self.c.repeated,
            "cookies_set": self.c.cookies_set,
            "elsewhere": self.c.elsewhere,
            "moved": self.c.moved,
            "latency": self.latency.take(),
            "corrected": self.corrected.take(),
            "late": self.late.take(),
            "backends": self.identities.take(),
        }
        memset(&self.c, 0, sizeof(self.c))
        return found

    # ------------------------------------------------------------ for the clients

    cdef inline bint may_send(self) noexcept:
        return self.running and (self.limit == 0 or self.issued < self.limit)

    cdef int settle(self) except -1:
        """Tell when all is done."""
        if not self.done and self.in_flight == 0 and not self.may_send():
            self.done = True
            self.on_done()
        return 0

    cdef int reopen(self, Client client) except -1:
        """`client` is spent: a new one takes its place, if there is more to send."""
        self.clients[client.place] = None
        if self.may_send():
            self.dial(Client(self, client.place, client.turn))
        return self.settle()

    cdef int refill(self, Client client) except -1:
        """Open loop: `client` has room for a request."""
        cdef int64_t now = now_ns()
        if not self.may_send():
            return self.settle()
        while client.has_room() and self.may_send() and self.next_at <= now:
            client.send(self.next_at, now)
            self.advance()
        if client.has_room() and not client.parked:
            client.parked = True
            self.idle.append(client)
            if len(self.idle) == 1:
                self.arm()
        return 0

    cdef inline void advance(self) noexcept:
        self.planned += 1
        self.next_at = self.began + <int64_t>(<double>self.planned * self.interval)

    cdef int arm(self) except -1:
        """Set the timer to the next request of the plan. It also takes back that the timer was readable."""
        cdef itimerspec when
        memset(&when, 0, sizeof(when))
        if self.idle and self.may_send():
            when.it_value.tv_sec = self.next_at // 1000000000
            when.it_value.tv_nsec = <long>(self.next_at % 1000000000)
        if self.timer >= 0 and timerfd_settime(self.timer, TFD_TIMER_ABSTIME, &when, NULL) < 0:
            raise OSError("the timer cannot be set")
        return 0

    def _due(self):
        """The timer: send what the plan says, as long as connections are free."""
        cdef Client client
        cdef int64_t now = now_ns()
        while self.idle and self.next_at <= now and self.may_send():
            client = <Client>self.idle.pop()
            client.parked = False
            if not client.has_room():
                continue
            self.late.add(now - self.next_at)
            client.send(self.next_at, now)
            self.advance()
            if client.has_room():
                client.parked = True
                self.idle.append(client)
            now = now_ns()
        self.arm()


cdef Session new_session(bint remembers, uint32_t request_count, bint keep, bytes cookies):
    cdef Session session = Session(remembers, request_count, keep)
    if cookies and not remembers:
        session.cookies = b"Cookie: " + cookies + b"\r\n"
    elif cookies:
        for pair in cookies.split(b";"):
            session.set_cookie(pair)
        session.version = 0  # these are no cookies of a balancer's
    return session
