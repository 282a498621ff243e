"""The Cookie field (RFC 6265, section 4.2): C functions."""

from libc.stdint cimport uint8_t, uint32_t

from faststicky.core._span cimport span_t

cdef bint cookie_find(
    const uint8_t *value, uint32_t size, const uint8_t *name, uint32_t name_size, span_t *found, uint32_t *segment
) noexcept nogil
cdef uint32_t cookie_strip(
    const uint8_t *value, uint32_t size, const uint8_t *name, uint32_t name_size, uint32_t first, uint8_t *out
) noexcept nogil
