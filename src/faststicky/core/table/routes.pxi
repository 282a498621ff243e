"""From host, path and method to a service: rules by falling priority, found through the host's hash."""

cdef enum:                    # atom_t.kind, model.Matcher.kind
    ATOM_HOST = 0
    ATOM_HOST_SUFFIX = 1
    ATOM_PATH = 2
    ATOM_PATH_PREFIX = 3
    ATOM_METHOD = 4

_ATOMS = {
    "host": ATOM_HOST, "host_suffix": ATOM_HOST_SUFFIX, "path": ATOM_PATH, "path_prefix": ATOM_PATH_PREFIX,
    "method": ATOM_METHOD,
}


cdef uint32_t _plain_host(const uint8_t *host, uint32_t size, uint8_t *out) noexcept nogil:
    """Host as rules are written: lower case, without port and without the root's dot. 0 if it is too long to be any."""
    cdef uint32_t i = 0
    cdef uint32_t n = size
    cdef uint8_t c
    if size == 0:
        return 0
    if host[0] == c'[':
        while n > 0 and host[n - 1] != c']':
            n -= 1
    else:
        while i < n and host[i] != c':':
            i += 1
        n = i
        if n and host[n - 1] == c'.':
            n -= 1
    if n > LONGEST_HOST:
        return 0
    for i in range(n):
        c = host[i]
        out[i] = c | 0x20 if c'A' <= c <= c'Z' else c
    return n


cdef class Routes:
    """Rules by falling priority, and for each host that they name which of them may match."""

    def __dealloc__(self):
        fs_free(self.texts)
        fs_free(self.atoms)
        fs_free(self.rules)
        fs_free(self.candidates)
        _map_free(&self.hosts)

    def fill(self, dict positions, list routes):
        """routes: of model.Route; positions: of services, by name. A generator: each step is short."""
        rules = []
        for order, route in enumerate(routes):
            if route.service not in positions:
                raise ValueError(f"route {route.name!r} leads to service {route.service!r}, which does not exist")
            for alternative in route.alternatives:
                rules.append((-route.priority, order, positions[route.service], alternative))
            if order % STEP == 0:
                yield
        rules.sort(key=operator.itemgetter(0))
        yield
        yield from self._fill_rules(rules)
        yield from self._index_hosts(rules)

    def _fill_rules(self, list rules):
        cdef uint32_t at = 0
        cdef uint32_t atom_at = 0
        cdef uint32_t text_at = 0
        cdef size_t atoms = 0
        cdef size_t texts = 0
        cdef bytes text
        for rule in rules:
            atoms += len(rule[3])
            for matcher in rule[3]:
                texts += len(matcher.values)
        self.rules = <rule_t *>_room(len(rules), sizeof(rule_t))
        self.atoms = <atom_t *>_room(atoms, sizeof(atom_t))
        self.texts = <text_t *>_room(texts, sizeof(text_t))
        self.keep = []
        for negative, _, service, alternative in rules:
            self.rules[at].priority = -negative
            self.rules[at].service = service
            self.rules[at].first = atom_at
            self.rules[at].count = <uint32_t>len(alternative)
            for matcher in alternative:
                self.atoms[atom_at].kind = _ATOMS[matcher.kind]
                self.atoms[atom_at].negate = matcher.negate
                self.atoms[atom_at].first = text_at
                self.atoms[atom_at].count = <uint32_t>len(matcher.values)
                atom_at += 1
                for value in matcher.values:
                    text = _printable(value, "rule")
                    text = text.lower() if matcher.kind.startswith("host") else text
                    self.keep.append(text)
                    self.texts[text_at].p = <const uint8_t *>PyBytes_AS_STRING(text)
                    self.texts[text_at].size = <uint32_t>PyBytes_GET_SIZE(text)
                    text_at += 1
            at += 1
            if at % STEP == 0:
                yield
        self.rule_count = at

    def _index_hosts(self, list rules):
        """For every host that a rule names, the rules that do; and those that name none, which may match any host."""
        named = {}
        unnamed = []
        for at, rule in enumerate(rules):
            hosts = None
            for matcher in rule[3]:
                if matcher.kind == "host" and not matcher.negate:
                    values = {value.lower() for value in matcher.values}
                    hosts = values if hosts is None else hosts & values
            if hosts is None:
                unnamed.append(at)
            else:
                for host in hosts:
                    named.setdefault(host, []).append(at)
            if at % STEP == 0:
                yield
        self.candidates = <uint32_t *>_room(len(rules) + sum(map(len, named.values())), sizeof(uint32_t))
        self.any_count = <uint32_t>len(unnamed)
        _map_begin(&self.hosts, len(named))
        _map_clear(&self.hosts, 0, self.hosts.mask + 1)
        filled = self._put(None, unnamed, 0)
        for count, (host, own) in enumerate(named.items()):
            filled = self._put(host.encode("latin-1"), own, filled)
            if count % STEP == 0:
                yield

    cdef uint32_t _put(self, bytes host, list rules, uint32_t at) except? 0xffffffff:
        """Candidates for a host, or for any (None); where the next ones go."""
        cdef const uint8_t *p
        cdef uint32_t size
        if host is not None:
            p = <const uint8_t *>PyBytes_AS_STRING(host)
            size = <uint32_t>PyBytes_GET_SIZE(host)
            _map_put(&self.hosts, p, size, fs_hash(p, size), at, <uint32_t>len(rules))
        for rule in rules:
            self.candidates[at] = rule
            at += 1
        return at

    cdef bint _matches(
        self, const rule_t *rule, const uint8_t *host, uint32_t host_size, const uint8_t *path, uint32_t path_size,
        const uint8_t *method, uint32_t method_size
    ) noexcept nogil:
        cdef uint32_t i, k
        cdef const atom_t *atom
        cdef const text_t *text
        cdef bint found
        for i in range(rule.count):
            atom = &self.atoms[rule.first + i]
            found = False
            for k in range(atom.count):
                text = &self.texts[atom.first + k]
                if atom.kind == ATOM_PATH_PREFIX:
                    found = text.size <= path_size and memcmp(text.p, path, text.size) == 0
                elif atom.kind == ATOM_HOST:
                    found = text.size == host_size and memcmp(text.p, host, host_size) == 0
                elif atom.kind == ATOM_PATH:
                    found = text.size == path_size and memcmp(text.p, path, path_size) == 0
                elif atom.kind == ATOM_HOST_SUFFIX:
                    found = text.size < host_size and memcmp(text.p, host + host_size - text.size, text.size) == 0
                else:
                    found = text.size == method_size and memcmp(text.p, method, method_size) == 0
                if found:
                    break
            if found == atom.negate:
                return False
        return True

    cdef int find_service(
        self, const uint8_t *host, uint32_t host_size, const uint8_t *path, uint32_t path_size, const uint8_t *method,
        uint32_t method_size
    ) noexcept nogil:
        """Position of the service that this request belongs to, -1 if no rule matches.

        The path is compared as it was sent, which is also how it is forwarded: a rule and a backend cannot read it in two
        ways. A query is no part of it.
        """
        cdef uint8_t plain[LONGEST_HOST + 1]
        cdef uint32_t size = 0
        cdef const uint32_t *own = NULL
        cdef const uint32_t *own_end = NULL
        cdef const uint32_t *other = self.candidates
        cdef const uint32_t *other_end = self.candidates + self.any_count
        cdef const entry_t *entry
        cdef const uint8_t *query
        cdef const rule_t *rule
        if self.rule_count == 0:
            return -1
        size = _plain_host(host, host_size, plain)
        if self.hosts.count:
            entry = map_find(&self.hosts, plain, size)
            if entry != NULL:
                own = self.candidates + entry.a
                own_end = own + entry.b
        query = <const uint8_t *>memchr(path, c'?', path_size)
        if query != NULL:
            path_size = <uint32_t>(query - path)
        while own != own_end or other != other_end:  # both in the order of the rules
            if other == other_end or (own != own_end and own[0] < other[0]):
                rule = &self.rules[own[0]]
                own += 1
            else:
                rule = &self.rules[other[0]]
                other += 1
            if self._matches(rule, plain, size, path, path_size, method, method_size):
                return <int>rule.service
        return -1


cdef class Table:
    """All that a request's way depends on."""

    def __cinit__(self, *args):
        global _live_tables
        _live_tables += 1
        self.services = []
        self.by_name = {}

    def __init__(self, spec):
        builder = TableBuilder(spec.generation)
        builder.table = self
        self.generation = spec.generation
        for _ in builder.whole(spec):
            pass
        for _ in builder.finish():
            pass

    def __dealloc__(self):
        global _live_tables
        _live_tables -= 1

    def route(self, bytes host not None, bytes path not None, bytes method=b"GET"):
        """Name of the service that this request belongs to, None if no rule matches."""
        cdef int at = self.routes.find_service(
            <const uint8_t *>PyBytes_AS_STRING(host), <uint32_t>PyBytes_GET_SIZE(host),
            <const uint8_t *>PyBytes_AS_STRING(path), <uint32_t>PyBytes_GET_SIZE(path),
            <const uint8_t *>PyBytes_AS_STRING(method), <uint32_t>PyBytes_GET_SIZE(method),
        )
        return None if at < 0 else (<Service>self.services[at]).name

    def find(self, str service not None, bytes cookie_value not None):
        """(backend ID, what the value stood for) that a cookie value leads to, None when it leads nowhere."""
        cdef uint32_t kind = LOOKUP_NONE
        cdef Service found = self.by_name[service]
        cdef int at = found.find(
            <const uint8_t *>PyBytes_AS_STRING(cookie_value), <uint32_t>PyBytes_GET_SIZE(cookie_value), &kind
        )
        if at < 0:
            return None
        return (<Backend>found.backends[at]).id, {number: name for name, number in _KINDS.items()}[kind]

    def choose(self, str service not None):
        """Backend ID that the balancer gives to the next new session, None if there is nobody."""
        cdef Service found = self.by_name[service]
        cdef int at = choose_backend(found, NULL, 0, 0, 0)
        return None if at < 0 else (<Backend>found.backends[at]).id
