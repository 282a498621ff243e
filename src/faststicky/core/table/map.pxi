"""Bytes to two numbers: the one hash table behind cookie lookups and host names."""


cdef int _map_build(map_t *map, list items) except -1:
    """items: (key, a, b) with keys of at least one byte. The first of equal keys wins."""
    cdef uint32_t capacity = 4
    cdef size_t total = 0
    cdef uint32_t at = 0
    cdef uint32_t hash, i, size
    cdef entry_t *entry
    cdef bytes key
    while capacity < 2 * <size_t>len(items):
        capacity *= 2
    for item in items:
        total += len(item[0])
    map.entries = <entry_t *>_room(capacity, sizeof(entry_t))
    map.keys = <uint8_t *>_room(total, 1)
    map.mask = capacity - 1
    map.count = 0
    for key, a, b in items:
        size = <uint32_t>PyBytes_GET_SIZE(key)
        if size == 0:
            raise ValueError("an empty key leads nowhere")
        if map_find(map, <const uint8_t *>PyBytes_AS_STRING(key), size) != NULL:
            continue
        hash = fs_hash(<const uint8_t *>PyBytes_AS_STRING(key), size)
        i = hash & map.mask
        while map.entries[i].size:
            i = (i + 1) & map.mask
        entry = &map.entries[i]
        entry.hash, entry.at, entry.size, entry.a, entry.b = hash, at, size, a, b
        memcpy(map.keys + at, PyBytes_AS_STRING(key), size)
        at += size
        map.count += 1
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
