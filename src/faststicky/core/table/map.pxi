"""Bytes to two numbers: the one hash table behind cookie lookups and host names."""


cdef enum:
    MAP_KEYS = 64             # bytes of room for keys to begin with


cdef int _map_begin(map_t *map, size_t count) except -1:
    """Room for `count` keys, to be cleared with _map_clear before it is used."""
    cdef size_t capacity = 4
    while capacity < 2 * count:
        capacity *= 2
    map.entries = <entry_t *>fs_malloc(capacity * sizeof(entry_t))
    map.keys = <uint8_t *>fs_malloc(MAP_KEYS)
    if map.entries == NULL or map.keys == NULL:
        raise MemoryError(f"no memory for {count} values of a routing table")
    map.mask = <uint32_t>(capacity - 1)
    map.count = map.used = 0
    map.room = MAP_KEYS
    return 0


cdef uint32_t _map_clear(map_t *map, uint32_t first, uint32_t most) noexcept nogil:
    """Clear at most so many of the entries from `first` on; where to go on, 0 when all are clear."""
    cdef uint32_t left = map.mask + 1 - first
    if most >= left:
        memset(map.entries + first, 0, left * sizeof(entry_t))
        return 0
    memset(map.entries + first, 0, most * sizeof(entry_t))
    return first + most


cdef int _map_put(map_t *map, const uint8_t *key, uint32_t size, uint32_t hash, uint32_t a, uint32_t b) except -1:
    """Of equal keys the first stays. Raises ValueError when there are more than _map_begin was told."""
    cdef uint32_t i = hash & map.mask
    cdef size_t room = map.room
    cdef entry_t *entry = &map.entries[i]
    cdef uint8_t *keys
    if size == 0:
        raise ValueError("an empty key leads nowhere")
    if 2 * <uint64_t>map.count > map.mask:
        raise ValueError(f"more than the {map.count} values of a routing table that were announced")
    while entry.size:
        if entry.hash == hash and entry.size == size and memcmp(map.keys + entry.at, key, size) == 0:
            return 0
        i = (i + 1) & map.mask
        entry = &map.entries[i]
    if <size_t>map.used + size > room:
        while room < <size_t>map.used + size:
            room *= 2
        keys = <uint8_t *>fs_realloc(map.keys, room) if room <= 0xffffffff else NULL
        if keys == NULL:
            raise MemoryError(f"no memory for {room} bytes of values of a routing table")
        map.keys, map.room = keys, <uint32_t>room
    memcpy(map.keys + map.used, key, size)
    entry.hash, entry.at, entry.size, entry.a, entry.b = hash, map.used, size, a, b
    map.used += size
    map.count += 1
    return 0


cdef int _map_build(map_t *map, list items) except -1:
    """items: (key, a, b) with keys of at least one byte."""
    cdef bytes key
    cdef const uint8_t *p
    cdef uint32_t size
    _map_begin(map, len(items))
    _map_clear(map, 0, map.mask + 1)
    for key, a, b in items:
        p = <const uint8_t *>PyBytes_AS_STRING(key)
        size = <uint32_t>PyBytes_GET_SIZE(key)
        _map_put(map, p, size, fs_hash(p, size), a, b)
    return 0


cdef void _map_free(map_t *map) noexcept:
    fs_free(map.entries)
    fs_free(map.keys)
    map.entries = NULL
    map.keys = NULL


cdef const entry_t *map_find(const map_t *map, const uint8_t *key, uint32_t size) noexcept nogil:
    """The entry of `key`, NULL if there is none. One hash; the stored hash spares all but one comparison."""
    cdef uint32_t hash, i
    cdef const entry_t *entry
    if size == 0:
        return NULL
    hash = fs_hash(key, size)
    i = hash & map.mask
    while True:
        entry = &map.entries[i]
        if entry.size == 0:
            return NULL
        if entry.hash == hash and entry.size == size and memcmp(map.keys + entry.at, key, size) == 0:
            return entry
        i = (i + 1) & map.mask


cdef class CookieTable:
    """Bytes to (position of a backend, outcome). A window on the table's lookup for tests and benchmarks."""

    def __cinit__(self, list entries not None):
        _map_build(&self.map, entries)

    def __dealloc__(self):
        _map_free(&self.map)

    def find(self, bytes value not None):
        cdef const entry_t *entry = map_find(
            &self.map, <const uint8_t *>PyBytes_AS_STRING(value), <uint32_t>PyBytes_GET_SIZE(value)
        )
        return None if entry == NULL else (entry.a, entry.b)

    def __len__(self):
        return self.map.count
