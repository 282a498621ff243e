"""The routing table: structures and classes that the relay uses directly."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef enum backend_state:      # model.BackendState
    STATE_UP = 0
    STATE_DRAINING = 1
    STATE_LEAVING = 2
    STATE_DOWN = 3

cdef enum lookup_kind:        # model.Outcome: what a value in a service's lookup stands for
    LOOKUP_NONE = 0
    LOOKUP_TASK = 1
    LOOKUP_SLOT = 2
    LOOKUP_FOREIGN = 3
    LOOKUP_PREVIOUS = 4
    LOOKUP_LEAVING = 5        # these three: a task, or a slot's, that may not be used, and why
    LOOKUP_DOWN = 6
    LOOKUP_EJECTED = 7

cdef enum outcome_t:          # what stickiness did for one request
    OUTCOME_NONE = 0          # the service is not sticky
    OUTCOME_NEW = 1           # no cookie: balanced, cookie set
    OUTCOME_HIT = 2           # the user's task
    OUTCOME_DRAINING = 3      # the user's task, which takes no new sessions
    OUTCOME_SLOT = 4          # the successor in the user's slot
    OUTCOME_FOREIGN = 5       # another proxy's cookie, rewritten
    OUTCOME_PREVIOUS = 6      # a cookie of the previous key, rewritten
    OUTCOME_GONE = 7          # from here on the user is moved: balanced anew, cookie set anew. Nothing has the cookie's name
    OUTCOME_LEAVING = 8       # the user's task is being stopped
    OUTCOME_DOWN = 9          # it is known not to serve
    OUTCOME_EJECTED = 10      # requests to it have failed
    OUTCOME_FAILED = 11       # this one has
    OUTCOMES_COUNT = 12

cdef enum balance_t:          # model.Balance
    BALANCE_WRR = 0
    BALANCE_LEAST = 1
    BALANCE_P2C = 2
    BALANCE_RANDOM = 3
    BALANCE_HASH = 4

cdef struct entry_t:
    uint32_t hash
    uint32_t at               # of the key in map_t.keys
    uint32_t size             # of the key; 0: free
    uint32_t a                # what the key leads to
    uint32_t b

cdef struct map_t:            # open addressing, at most half full, never changed once built
    entry_t *entries
    uint8_t *keys
    uint32_t mask
    uint32_t count
    uint32_t used             # bytes of keys
    uint32_t room             # for them

cdef const entry_t *map_find(const map_t *map, const uint8_t *key, uint32_t size) noexcept nogil

cdef struct load_t:           # what the balancer must know of a backend; it belongs to the relay's Upstream
    uint32_t in_flight
    uint32_t born             # tick at which it came
    uint32_t ejected          # it does not answer at present
    uint32_t dealt            # sessions given to it since the update under way began

cdef enum trait_t:            # of a backend; a set of them may be wished for
    TRAIT_LOCAL = 1           # on the proxy's own node
    TRAIT_CURRENT = 2         # the update under way has done it, or has nothing to do with it

cdef struct pick_t:           # conditions of one pass of a choice
    const uint32_t *tried
    uint32_t tried_count
    uint64_t key
    uint32_t now              # tick
    uint8_t state
    uint32_t ejected
    uint8_t wish              # traits that it must have, and then it must not be crowded
    uint64_t crowd            # requests in flight that are no crowd yet
    bint full                 # those that are full too

cdef class CookieTable:
    cdef map_t map

cdef class Backend:
    cdef readonly str id
    cdef readonly str name
    cdef readonly str host
    cdef readonly uint32_t port
    cdef readonly uint32_t weight
    cdef uint32_t state
    cdef bytes cookie_value
    cdef uint32_t series      # its counters, see _stats
    cdef object upstream      # the relay's live side of this backend: connections and their health
    cdef Backend next_user    # of the same upstream, for the relay

cdef class Service:
    cdef readonly str name
    cdef readonly list backends
    cdef readonly bint pass_host_header
    cdef uint32_t series      # its counters, see _stats
    cdef bint sticky
    cdef bytes cookie_name
    cdef bytes set_cookie     # 'Set-Cookie: NAME='
    cdef bytes attributes     # '; Path=/; HttpOnly\r\n'
    cdef bytes attributes_secure
    cdef map_t lookup
    cdef uint32_t count
    cdef uint32_t filled      # so many of them are there; all of them once the service is part of a table
    cdef uint8_t *states
    cdef double hold          # seconds that a request waits for a backend when there is none; -1: the relay's
    cdef uint8_t *traits      # trait_t of each backend
    cdef uint8_t wishes       # traits that make a backend better for a session than others
    cdef uint32_t balance     # balance_t
    cdef bytes hash_header    # lower case; the key of balance_t.BALANCE_HASH: this field, this parameter of the query, or
    cdef bytes hash_query     # the client's address
    cdef bint alike           # all weights are equal
    cdef int64_t *weights
    cdef int64_t *currents    # of smooth weighted round robin
    cdef uint64_t *hashes     # of the backends' IDs
    cdef uint64_t random
    cdef uint32_t cursor
    cdef uint32_t max_concurrent  # requests in flight at one backend; 0: any number
    cdef uint32_t max_queued  # that wait for one backend
    cdef double queue_timeout  # seconds
    cdef uint32_t slow_start  # ticks
    cdef load_t **loads       # the relay's, or our own where there is none
    cdef load_t *own_loads

    cdef int add(self, Backend backend, spec) except -1
    cdef int keep(self, Service old, uint32_t first, uint32_t count) except -1
    cdef int put(self, str value, uint32_t at, uint32_t kind) except -1
    cdef int complete(self) except -1
    cdef bint is_open(self) noexcept nogil
    cdef bint usable(self, uint32_t at) noexcept nogil
    cdef uint32_t why_not(self, uint32_t at) noexcept nogil
    cdef int find(self, const uint8_t *value, uint32_t size, uint32_t *kind) noexcept nogil

cdef struct text_t:
    const uint8_t *p
    uint32_t size

cdef struct atom_t:
    uint32_t kind
    bint negate
    uint32_t first            # in Routes.texts
    uint32_t count

cdef struct rule_t:
    int64_t priority
    uint32_t service          # position in Table.services
    uint32_t first            # in Routes.atoms
    uint32_t count

cdef class Routes:
    cdef object keep          # owns the bytes that texts point into
    cdef text_t *texts
    cdef atom_t *atoms
    cdef rule_t *rules        # by falling priority
    cdef uint32_t rule_count
    cdef map_t hosts          # host -> candidates[a:a + b]
    cdef uint32_t *candidates  # positions in `rules`
    cdef uint32_t any_count   # so many of them, from the first on, name no host

    cdef uint32_t _put(self, bytes host, list rules, uint32_t at) except? 0xffffffff
    cdef bint _matches(self, const rule_t *rule, const uint8_t *host, uint32_t host_size, const uint8_t *path,
                       uint32_t path_size, const uint8_t *method, uint32_t method_size) noexcept nogil
    cdef int find_service(self, const uint8_t *host, uint32_t host_size, const uint8_t *path, uint32_t path_size,
                          const uint8_t *method, uint32_t method_size) noexcept nogil

cdef class Table:
    cdef readonly int64_t generation
    cdef readonly list services
    cdef dict by_name
    cdef Routes routes

cdef class TableBuilder:
    cdef readonly Table table  # what is being built
    cdef Table base           # the one before, which it takes over from
    cdef list order           # names of all services; None: those of `base`
    cdef list rules           # model.Route; None: those of `base`
    cdef dict made            # services that are new, by name
    cdef list entering        # backends that are new
    cdef list leaving         # those of `base` that the new table does not have
    cdef Service current      # service that is being filled
    cdef Service old          # of the same name, in `base`
    cdef uint32_t *moved      # by position in `old`: that in `current`
    cdef uint32_t kept        # backends of `old`

    cdef int attach(self, Service service, uint32_t at, Backend backend) except -1
    cdef int _begin(self, spec, uint32_t backends, uint32_t values) except -1
    cdef int _add(self, spec) except -1
    cdef int _keep(self, uint32_t first, uint32_t count) except -1
    cdef int _take_values(self, uint32_t first, uint32_t until) except -1
    cdef int _note_leaving(self, uint32_t first, uint32_t until) except -1

cdef long live_tables() noexcept
cdef int choose_backend(
    Service s, const uint32_t *tried, uint32_t tried_count, uint64_t key, uint32_t now
) noexcept nogil
