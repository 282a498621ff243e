"""The relay's classes: who owns what, and the states of each. The code is in relay/*.pxi, one file an idea.

    Relay        one worker: options, the table in force, deadlines, counters
    Client       a connection that a user opened            (asyncio protocol)
    Upstream     the live side of one backend: its pool of connections
    Connection   a connection that we opened to a backend   (asyncio protocol)
    Exchange     one request and its answer; while it lasts, it ties one Client to one Connection
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from faststicky.core._h1 cimport chunk_t, head_t, limits_t
from faststicky.core._span cimport span_t
from faststicky.core._stats cimport series_t, service_series_t
from faststicky.core._table cimport Backend, Service, Table, load_t

cdef enum:
    MOST_TRIES = 8

cdef enum client_state:
    CLIENT_IDLE = 0           # between two requests: nothing of the next one is here
    CLIENT_HEAD = 1           # part of a request head is held
    CLIENT_BUSY = 2           # an exchange is under way
    CLIENT_TUNNEL = 3         # upgraded: bytes go through as they are
    CLIENT_LINGER = 4         # answered for the last time; late bytes are read and dropped (RFC 9112, 9.6)
    CLIENT_CLOSED = 5

cdef enum connection_state:
    CONNECTION_IDLE = 0       # in the pool
    CONNECTION_BUSY = 1       # an exchange is under way
    CONNECTION_TUNNEL = 2
    CONNECTION_CLOSED = 3

cdef enum answer_state:       # of the backend's answer
    ANSWER_HEAD = 0           # its head, or an interim one, is awaited
    ANSWER_BODY = 1
    ANSWER_DONE = 2

cdef struct counters_t:
    uint64_t connections
    uint64_t requests
    uint64_t answers[6]       # by class; [0] is not used
    uint64_t outcomes[12]     # outcome_t
    uint64_t bytes_in         # from clients
    uint64_t bytes_out        # to clients
    uint64_t own_answers      # answers that no backend gave
    uint64_t retries
    uint64_t connects         # to backends
    uint64_t connect_errors
    uint64_t upstream_errors  # resets, early ends, garbage, time-outs
    uint64_t cut_answers      # answers that ended before their time
    uint64_t ejections        # backends that failed several times in a row
    uint64_t parked           # requests that had to wait for a backend

cdef struct record_t:         # spans into Exchange.text
    span_t method
    span_t target
    span_t host
    span_t agent
    span_t referer
    span_t id                 # X-Request-ID of a trusted proxy
    uint32_t version

cdef class Peer:
    """One end of a TCP connection: a transport, a place among the deadlines, and back-pressure. There are many of them, most of
    the time idle: what is true or false takes a byte, where bint takes four."""
    cdef Relay relay
    cdef object transport
    cdef int descriptor       # of its socket; -1: not asked for yet
    cdef uint32_t place       # index into the relay's deadlines; 0: none
    cdef uint8_t state
    cdef uint8_t behind       # the kernel did not take all of the last write: the transport may have bytes to send
    cdef uint8_t full         # the transport asked us to stop writing
    cdef uint8_t reading      # we have not paused its reading
    cdef uint8_t adopted      # the relay reads it, not uvloop (reading.pxi)
    cdef uint8_t ending       # its end is behind what is there to be read
    cdef uint32_t watched     # stamp of its events in the relay's epoll; 0: it is not in there
    cdef uint64_t unsent      # bytes waiting when the write deadline was last looked at
    cdef object fault         # what the relay's own reading found, or that it was aborted: for connection_lost

    cdef int write(self, const void *data, Py_ssize_t size, bint last=?) except -1
    cdef int write_end(self) except -1
    cdef int stop_reading(self) except -1
    cdef int go_on_reading(self) except -1
    cdef int close_transport(self) except -1
    cdef int abort_transport(self) except -1
    cdef int abort(self) except -1
    cdef bint pass_on(self, const char *data, Py_ssize_t size) except -1
    cdef int received(self, bytes data) except -1
    cdef bint ended(self) except -1
    cdef int expired(self) except -1
    cdef uint64_t untaken(self) except? 0xffffffffffffffff
    cdef bint makes_progress(self) except -1

cdef class Client(Peer):
    cdef Exchange exchange
    cdef bytes held           # part of a head, or what was received behind the current request
    cdef Py_ssize_t scanned   # size of `held` when it was last parsed
    cdef uint32_t requests
    cdef uint8_t half_closed  # it has sent its last byte
    cdef uint8_t promised     # with its last request, to send nothing behind it
    cdef uint8_t trusted      # its X-Forwarded-* are believed
    cdef uint8_t port_size
    cdef char port[5]         # ours, that it connected to, printed
    cdef uint8_t admitted
    cdef uint32_t user        # hash of address and User-Agent, for counting users; 0: not computed
    cdef uint32_t agent_size  # of the User-Agent that it was computed with
    cdef uint8_t address_size
    cdef char address[46]     # printed; INET6_ADDRSTRLEN

    cdef int read_address(self) except -1
    cdef int more_head(self, bytes data) except -1
    cdef int process(self, bytes data) except -1
    cdef Py_ssize_t begin(self, bytes data) except -1
    cdef int hold(self, bytes data) except -1
    cdef int next_request(self) except -1
    cdef Py_ssize_t answer_now(self, int status, str reason, bint keep, bytes data, str service=?) except -1
    cdef int note(self, int status, str reason, str service) except -1
    cdef int read_on(self) except -1
    cdef int part(self) except -1
    cdef int linger(self) except -1
    cdef int reset(self) except -1
    cdef int refuse(self, int status, str code) except -1
    cdef int answer(self, int status, bint keep, bytes data) except -1

cdef class Upstream:
    cdef Relay relay
    cdef readonly str name
    cdef readonly str host
    cdef readonly int port
    cdef bytes authority      # for Host, where the client's is not passed
    cdef Connection newest    # the pool (pool.pxi), last in, first out
    cdef Connection oldest
    cdef uint32_t pooled
    cdef uint32_t busy
    cdef uint32_t connecting
    cdef bint retired         # no table in force knows it any more
    cdef bint leaving         # no table in force sends anybody there
    cdef load_t load          # for the balancer
    cdef object queue         # deque of exchanges that wait for their turn; None: there never was one
    cdef object wanting       # deque of exchanges that wait for a connection, while many are being opened; None: likewise
    cdef Backend users        # of the table in force and of one being built, chained by Backend.next_user
    cdef uint32_t failures    # in a row
    cdef uint32_t ejections
    cdef uint32_t series
    cdef series_t *stats
    cdef uint32_t ejection    # how long, in ticks
    cdef uint32_t back_at     # tick of the next try; 0: one is under way

    cdef int close_idle(self) except -1
    cdef int start_trial(self) except -1
    cdef int add_user(self, Backend backend) except -1
    cdef int remove_user(self, Backend backend) except -1
    cdef int settle(self) except -1
    cdef int count_in(self, uint32_t series) except -1
    cdef bint is_awaited_by(self, Exchange x) noexcept
    cdef Connection take(self, bint fresh)
    cdef int give(self, Connection connection) except -1
    cdef int connect(self, Exchange exchange) except -1
    cdef Exchange next_wanting(self)
    cdef int dial_next(self) except -1
    cdef int retire(self) except -1

cdef class Connection(Peer):
    cdef Upstream upstream
    cdef Exchange exchange
    cdef bytes held           # part of an answer's head
    cdef uint32_t served      # exchanges before the current one
    cdef uint32_t idle_since  # tick
    cdef Connection newer     # its neighbours in the pool
    cdef Connection older
    cdef Py_ssize_t ahead     # bytes written since it was known to have taken everything
    cdef bint patient         # not taking anything is no sign that its machine is silent

    cdef int send(self, const void *data, Py_ssize_t size) except -1
    cdef bint has_ended(self) except -1
    cdef int read_last(self, Exchange x) except -1
    cdef int look(self) except -1
    cdef int close(self) except -1

cdef class Exchange:
    cdef Relay relay
    cdef Client client
    cdef Connection connection
    cdef Table table
    cdef Service service
    cdef Backend backend
    # the request
    cdef bytes raw            # its head and what came with it, for another try; None once that is ruled out
    cdef list replay          # pieces of its body, as sent
    cdef Py_ssize_t replayed  # their size
    cdef bytes upgrade        # protocols that the client asked for
    cdef uint32_t method
    cdef uint32_t framing
    cdef int64_t left         # of a body with Content-Length
    cdef chunk_t chunk
    cdef uint64_t body        # bytes of the body so far
    cdef bint http_10
    cdef bint keep            # the client's connection outlives the exchange
    cdef bint idempotent
    cdef bint request_done
    cdef bint sent            # something of it may have reached the backend
    cdef bint waiting         # for a connection, a backend, or its turn
    cdef bint queued          # for its turn at self.backend
    cdef uint64_t key         # of the balancer's hash
    cdef bytes pending        # the head, as it will be sent on that connection, while it has to wait for one
    cdef uint32_t parked_until  # tick; 0: it never had to wait for a backend
    cdef bint repeated        # sent again to the same backend, since its kept connection was stale
    # the answer
    cdef uint8_t state        # answer_state
    cdef uint32_t status
    cdef bint interim         # an interim answer has reached the client
    cdef bint upstream_half_closed
    cdef uint32_t answer_framing
    cdef int64_t answer_left
    cdef chunk_t answer_chunk
    cdef bint rechunk         # the answer is chunked towards the client
    cdef bint reusable        # the backend keeps the connection
    # times (CLOCK_MONOTONIC, nanoseconds) and counters
    cdef uint64_t begun       # its head was complete
    cdef uint64_t dialed_at   # with an access log: a connection was first opened for it; 0: a kept one was there
    cdef uint64_t sent_at     # the last try was sent
    cdef uint64_t answered    # the answer's head was complete
    cdef uint64_t sent_down   # bytes of the answer
    cdef uint32_t tries
    cdef service_series_t *stats
    cdef bint counted         # as in flight
    cdef Backend counted_at   # likewise, by this backend
    cdef record_t record      # what the access line shows of the request
    cdef bytes text           # where its spans point
    cdef uint64_t id_low      # of X-Request-ID
    cdef uint8_t peer_size
    cdef char peer[46]        # the client's address, which is gone when the line is written
    # the decision
    cdef uint32_t outcome     # outcome_t
    cdef bint outcome_counted
    cdef bint set_cookie
    cdef bint secure          # a trusted proxy says that the client came by TLS
    cdef bint has_cookie      # the request carries our cookie: it is cut out
    cdef uint32_t cookie_at   # where in the head the first one's segment begins, behind others; 0: at the value's begin
    cdef uint32_t at          # position of the backend in the service
    cdef uint32_t tried[MOST_TRIES]
    cdef uint32_t tried_count

    cdef int note_request(self, const uint8_t *data, const head_t *head) except -1
    cdef int decide(self, const uint8_t *data, const head_t *head) except -1
    cdef int start_again(self) except -1
    cdef bint find_backend(self, const uint8_t *data, const head_t *head) except -1
    cdef int choose(self) except -1
    cdef Py_ssize_t send_head(self, bytes data) except -1
    cdef int go(self, Py_ssize_t size) except -1
    cdef int send(self, Py_ssize_t size=?) except -1
    cdef int leave(self) except -1
    cdef int attach(self, Connection connection, Py_ssize_t size=?) except -1
    cdef bytes take_body(self, bytes data, Py_ssize_t *used)
    cdef int keep_piece(self, bytes piece) except -1
    cdef int request_bytes(self, bytes data) except -1
    cdef bint pass_body(self, const char *data, Py_ssize_t size) except -1
    cdef int went_on(self) except -1
    cdef int await_body(self) except -1
    cdef int connect_failed(self, str reason) except -1
    cdef int upstream_ended(self, bint clean) except -1
    cdef int upstream_failed(self, int status, str reason) except -1
    cdef int retry(self, bint same, int status, str reason) except -1
    cdef int tell(self, str name, str reason) except -1
    cdef int client_expired(self) except -1
    cdef int upstream_expired(self) except -1
    cdef int let_go(self, bint reusable) except -1
    cdef int finish(self) except -1
    cdef bint is_last(self) noexcept
    cdef bint ends_with_connection(self) noexcept
    cdef int give_up(self, int status, str reason) except -1
    cdef const char *ending(self, int status) noexcept
    cdef int tunnel_ended(self, bint clean, const char *end) except -1
    cdef int client_lost(self, bint reset) except -1

cdef class Relay:
    cdef object loop
    cdef object options
    cdef object on_event
    cdef object on_full
    cdef Table table
    cdef readonly int64_t generation
    cdef dict upstreams       # by key_of(backend)
    cdef set dialing          # tasks
    cdef list ejected         # upstreams
    cdef list past            # large services that are in force no longer
    cdef set parked           # exchanges
    cdef list events
    cdef uint32_t dropped_events
    cdef bint draining
    cdef bint closed
    # deadlines: due[place] is the tick at which owners[place] is told; 0 is never
    cdef uint32_t now
    cdef uint32_t *due
    cdef void **owners
    cdef uint32_t places
    cdef uint32_t *free_places
    cdef uint32_t free_count
    cdef object timer
    cdef double started       # the loop's time at tick 1
    cdef int64_t wall         # seconds since 1970 that `date` shows
    cdef int epoll            # of the connections that the relay reads itself; -1: none yet
    cdef uint32_t watches     # the last stamp
    cdef public uint32_t adopted_after  # requests after which it reads a connection itself; 0: from the first byte
    cdef uint32_t live_adopted
    cdef char *inbox
    # scratch that every head is parsed into and built in
    cdef head_t head
    cdef uint8_t *out
    cdef size_t out_size
    # limits and deadlines, in ticks
    cdef limits_t request_limits
    cdef limits_t answer_limits
    cdef int64_t max_body
    cdef uint32_t max_connections
    cdef uint32_t max_per_address
    cdef uint32_t max_upstream    # connections to backends, above which idle ones are closed; 0: any
    cdef uint32_t max_requests
    cdef uint32_t head_ticks
    cdef uint32_t keepalive_ticks
    cdef uint32_t response_ticks
    cdef uint32_t idle_ticks
    cdef uint32_t write_ticks
    cdef uint32_t tunnel_ticks
    cdef uint32_t half_close_ticks
    cdef uint32_t linger_ticks
    cdef uint32_t pool_ticks
    cdef uint32_t pool_size
    cdef uint32_t retries
    cdef uint32_t eject_after
    cdef uint32_t eject_ticks
    cdef uint32_t hold_ticks
    cdef double silence_timeout
    cdef Py_ssize_t replay_limit
    cdef double connect_timeout
    cdef bint underscores
    cdef bint forwarded
    cdef bint request_id
    cdef bytes via
    cdef list trusted         # networks
    cdef Py_buffer region     # the statistics
    cdef bint has_region
    cdef void *own_region     # when nobody gave us one
    cdef service_series_t *total
    cdef service_series_t spare       # for services and backends that nobody gave a series
    cdef uint64_t window      # of the monotonic clock, for counting users
    cdef uint32_t access      # access_format
    cdef object on_access
    cdef uint8_t *lines       # access lines that wait to be handed over
    cdef size_t lines_size
    cdef bytes stamp          # the current second as access lines show it
    cdef uint64_t stamp_base  # CLOCK_MONOTONIC at which that second began
    cdef bytes date           # "Date: ...\r\n" of the current second
    cdef uint64_t id_high
    cdef uint64_t id_low
    cdef counters_t totals
    cdef uint32_t open_clients
    cdef bint is_full
    cdef dict by_address      # only with max_per_address
    cdef uint32_t live_clients
    cdef uint32_t live_connections
    cdef uint32_t idle_connections  # in pools

    cdef bint trusts(self, bytes address) except -1
    cdef int _open_region(self, region) except -1
    cdef int enlist(self, Peer peer) except -1
    cdef int delist(self, Peer peer) except -1
    cdef int event(self, str name, dict detail) except -1
