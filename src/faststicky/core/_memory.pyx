"""malloc and its like, counted: blocks and bytes that are alive, in the whole process.

Tests see these numbers return to what they were, and the admin server shows them. Nothing here is called for a request: tables, and
what a relay keeps for good, are all that is allocated in C. Safe to call from any thread.
"""

cdef extern from *:
    """
    #include <malloc.h>
    #include <stdlib.h>

    static long fs_blocks, fs_bytes;

    /* The size that the allocator has given it (glibc, musl): the same when it is freed, so nothing has to be kept beside it. */
    static void fs_count(void *block, long sign) {
        if (block == NULL) return;
        __atomic_add_fetch(&fs_blocks, sign, __ATOMIC_RELAXED);
        __atomic_add_fetch(&fs_bytes, sign * (long)malloc_usable_size(block), __ATOMIC_RELAXED);
    }
    static int fs_share_arena(void) {
    #ifdef M_ARENA_MAX
        return mallopt(M_ARENA_MAX, 1);
    #else
        return 0;
    #endif
    }
    static int fs_trim(void) {
    #ifdef __GLIBC__
        return malloc_trim(0);
    #else
        return 0;
    #endif
    }
    static long fs_read(long *number) { return __atomic_load_n(number, __ATOMIC_RELAXED); }
    """
    long fs_blocks
    long fs_bytes
    void fs_count(void *block, long sign) noexcept nogil
    long fs_read(long *number) noexcept nogil
    int fs_share_arena() noexcept nogil
    int fs_trim() noexcept nogil
    void *calloc(size_t count, size_t size) noexcept nogil
    void *malloc(size_t size) noexcept nogil
    void *realloc(void *block, size_t size) noexcept nogil
    void free(void *block) noexcept nogil


cdef void *fs_calloc(size_t count, size_t size) noexcept nogil:
    """As calloc(3)."""
    cdef void *block = calloc(count, size)
    fs_count(block, 1)
    return block


cdef void *fs_malloc(size_t size) noexcept nogil:
    """As malloc(3)."""
    cdef void *block = malloc(size)
    fs_count(block, 1)
    return block


cdef void *fs_realloc(void *block, size_t size) noexcept nogil:
    """As realloc(3), for a size that is not 0: if it fails, `block` is what it was."""
    cdef void *moved
    fs_count(block, -1)
    moved = realloc(block, size)
    fs_count(moved if moved != NULL else block, 1)
    return moved


cdef void fs_free(void *block) noexcept nogil:
    """As free(3)."""
    fs_count(block, -1)
    free(block)


cdef long live_blocks() noexcept nogil:
    return fs_read(&fs_blocks)


cdef long live_bytes() noexcept nogil:
    return fs_read(&fs_bytes)


def share_arena():
    return fs_share_arena() == 1


def trim():
    with nogil:
        fs_trim()


def live():
    """(blocks, bytes) that are alive."""
    return live_blocks(), live_bytes()


def exercise(sizes):
    """For the tests: allocate, enlarge and free a block for each size; what live() was while all of them were there."""
    cdef void *blocks[16]
    cdef Py_ssize_t count = 0
    for size in sizes[:16]:
        blocks[count] = fs_malloc(size) if count % 2 else fs_calloc(1, size)
        if blocks[count] == NULL:
            raise MemoryError
        moved = fs_realloc(blocks[count], 2 * size)
        if moved != NULL:
            blocks[count] = moved
        count += 1
    found = live()
    while count:
        count -= 1
        fs_free(blocks[count])
    fs_free(NULL)
    return found
