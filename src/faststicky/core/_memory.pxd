"""C memory that is counted: the only way in which the core allocates any. See _memory.pyx."""

cdef void *fs_calloc(size_t count, size_t size) noexcept nogil
cdef void *fs_malloc(size_t size) noexcept nogil
cdef void *fs_realloc(void *block, size_t size) noexcept nogil
cdef void fs_free(void *block) noexcept nogil
cdef long live_blocks() noexcept nogil
cdef long live_bytes() noexcept nogil
