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


cdef class Table:
    """Immutable: to change anything, build another one and swap it in."""

    def __cinit__(self, spec):
        global _live_tables
        _live_tables += 1
        self.generation = spec.generation
        self.services = [Service(each) for each in spec.services]
        self.by_name = {(<Service>each).name: each for each in self.services}
        self._read_routes(spec)

    def __dealloc__(self):
        global _live_tables
        _live_tables -= 1
        fs_free(self.texts)
        fs_free(self.atoms)
        fs_free(self.rules)
        fs_free(self.candidates)
        _map_free(&self.hosts)

    def _read_routes(self, spec):
        """Rules (one for each alternative of a route) by falling priority, then the candidates of every host named."""
        positions = {service.name: at for at, service in enumerate(spec.services)}
        rules = []
        for order, route in enumerate(spec.routes):
            if route.service not in positions:
                raise ValueError(f"route {route.name!r} leads to service {route.service!r}, which does not exist")
            for alternative in route.alternatives:
                rules.append((-route.priority, order, positions[route.service], alternative))
        rules.sort(key=lambda rule: rule[:2])
        self._fill_rules(rules)
        self._index_hosts(rules)

    def _fill_rules(self, list rules):
        cdef uint32_t at = 0
        cdef uint32_t atom_at = 0
        cdef uint32_t text_at = 0
        cdef bytes value
        atoms = [matcher for rule in rules for matcher in rule[3]]
        keep = [_printable(text, "rule").lower() if matcher.kind.startswith("host") else _printable(text, "rule")
                for matcher in atoms for text in matcher.values]
        self.keep = keep
        self.rule_count = <uint32_t>len(rules)
        self.rules = <rule_t *>_room(len(rules), sizeof(rule_t))
        self.atoms = <atom_t *>_room(len(atoms), sizeof(atom_t))
        self.texts = <text_t *>_room(len(keep), sizeof(text_t))
        for text_at, value in enumerate(keep):
            self.texts[text_at].p = <const uint8_t *>PyBytes_AS_STRING(value)
            self.texts[text_at].size = <uint32_t>PyBytes_GET_SIZE(value)
        text_at = 0
        for at, (negative, _, service, alternative) in enumerate(rules):
            self.rules[at].priority = -negative
            self.rules[at].service = service
            self.rules[at].first = atom_at
            self.rules[at].count = <uint32_t>len(alternative)
            for matcher in alternative:
                self.atoms[atom_at].kind = _ATOMS[matcher.kind]
                self.atoms[atom_at].negate = matcher.negate
                self.atoms[atom_at].first = text_at
                self.atoms[atom_at].count = <uint32_t>len(matcher.values)
                text_at += <uint32_t>len(matcher.values)
                atom_at += 1

    def _index_hosts(self, list rules):
        """For every host that a rule names, the rules that may match it; for all other hosts, those that name none."""
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
        candidates = list(unnamed)
        self.any_first, self.any_count = 0, <uint32_t>len(unnamed)
        items = []
        for host, own in named.items():
            both = sorted(own + unnamed)
            items.append((host.encode("latin-1"), len(candidates), len(both)))
            candidates += both
        self.candidates = <uint32_t *>_room(len(candidates), sizeof(uint32_t))
        for at, rule in enumerate(candidates):
            self.candidates[at] = rule
        _map_build(&self.hosts, items)

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
        cdef uint32_t first = self.any_first
        cdef uint32_t count = self.any_count
        cdef uint32_t i
        cdef const entry_t *entry
        cdef const uint8_t *query
        cdef const rule_t *rule
        if self.rule_count == 0:
            return -1
        size = _plain_host(host, host_size, plain)
        if self.hosts.count:
            entry = map_find(&self.hosts, plain, size)
            if entry != NULL:
                first, count = entry.a, entry.b
        query = <const uint8_t *>memchr(path, c'?', path_size)
        if query != NULL:
            path_size = <uint32_t>(query - path)
        for i in range(count):
            rule = &self.rules[self.candidates[first + i]]
            if self._matches(rule, plain, size, path, path_size, method, method_size):
                return <int>rule.service
        return -1

    def route(self, bytes host not None, bytes path not None, bytes method=b"GET"):
        """Name of the service that this request belongs to, None if no rule matches."""
        cdef int at = self.find_service(
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
