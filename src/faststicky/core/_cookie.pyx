"""The Cookie field (RFC 6265, section 4.2): find one cookie, and cut it out of what the application sees.

    a=1; _fs=TOKEN ;b=2
       ^ ^  ^    ^ ^
       | |  |    | end of the segment (a ";" or the end)
       | |  |    end of the value
       | |  "=": end of the name
       | begin of the name
       begin of the segment

Only ";" separates cookies: a comma is part of a value, as in every current browser and server. Each byte is looked at
once, so neither delimiters in a row nor thousands of cookies cost more than their length.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy, memmove


cdef inline bint _is_space(uint8_t c) noexcept nogil:
    return c == c' ' or c == c'\t'


cdef inline bint _is_named(
    const uint8_t *segment, uint32_t size, const uint8_t *name, uint32_t name_size, uint32_t *value
) noexcept nogil:
    """True if this segment is NAME=…; *value is then the offset behind "="."""
    cdef uint32_t b = 0
    cdef uint32_t e
    while b < size and _is_space(segment[b]):
        b += 1
    if size - b <= name_size or segment[b] != name[0] or memcmp(segment + b, name, name_size) != 0:
        return False
    e = b + name_size
    while e < size and _is_space(segment[e]):
        e += 1
    if e == size or segment[e] != c'=':
        return False
    value[0] = e + 1
    return True


cdef inline uint32_t _segment_end(const uint8_t *value, uint32_t size, uint32_t begin) noexcept nogil:
    cdef const uint8_t *p = <const uint8_t *>memchr(value + begin, c';', size - begin)
    return size if p == NULL else <uint32_t>(p - value)


cdef bint cookie_find(
    const uint8_t *value, uint32_t size, const uint8_t *name, uint32_t name_size, span_t *found, uint32_t *segment
) noexcept nogil:
    """The first cookie called `name`: its value in *found, without white space and one pair of double quotes around it, and
    where its segment begins."""
    cdef uint32_t begin = 0
    cdef uint32_t end, e
    cdef uint32_t b = 0
    while begin < size:
        end = _segment_end(value, size, begin)
        if _is_named(value + begin, end - begin, name, name_size, &b):
            b += begin
            e = end
            while b < e and _is_space(value[b]):
                b += 1
            while e > b and _is_space(value[e - 1]):
                e -= 1
            if e - b >= 2 and value[b] == c'"' and value[e - 1] == c'"':
                b += 1
                e -= 1
            found.at = b
            found.size = e - b
            segment[0] = begin
            return True
        begin = end + 1
    return False


cdef uint32_t cookie_strip(
    const uint8_t *value, uint32_t size, const uint8_t *name, uint32_t name_size, uint32_t first, uint8_t *out
) noexcept nogil:
    """Copy `value` to `out` (room for `size`) without the cookies called `name`; the number of bytes written. `first`: where
    the first such segment begins, as cookie_find says, so that what is in front of it is not searched again; 0 if not known.

    What is left stays byte for byte, without white space at either end; 0 if only separators and white space are left.
    """
    cdef uint32_t begin = first
    cdef uint32_t n = first - 1 if first else 0  # without the ";" in front
    cdef uint32_t b = 0
    cdef uint32_t end, k
    cdef bint kept = first > 0
    cdef bint cut = False
    cdef bint substance = False
    memcpy(out, value, n)
    while begin <= size:
        end = _segment_end(value, size, begin)
        if _is_named(value + begin, end - begin, name, name_size, &b):
            cut = True
        else:
            if kept:
                out[n] = c';'
                n += 1
            kept = True
            memcpy(out + n, value + begin, end - begin)
            n += end - begin
        begin = end + 1
    if not cut:
        return n
    while n and _is_space(out[n - 1]):
        n -= 1
    b = 0
    while b < n and _is_space(out[b]):
        b += 1
    for k in range(b, n):
        if out[k] != c';' and not _is_space(out[k]):
            substance = True
            break
    if not substance:
        return 0
    if b:
        memmove(out, out + b, n - b)
    return n - b


def find(bytes value not None, bytes name not None):
    """Value of the first cookie called `name` in a Cookie field's value; None when there is none."""
    cdef span_t found
    cdef uint32_t segment = 0
    cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(value)
    if not cookie_find(p, <uint32_t>PyBytes_GET_SIZE(value), <const uint8_t *>PyBytes_AS_STRING(name),
                       <uint32_t>PyBytes_GET_SIZE(name), &found, &segment):
        return None
    return PyBytes_FromStringAndSize(<const char *>p + found.at, found.size)


def strip(bytes value not None, bytes name not None, bint search=True):
    """`value` without any cookie called `name`; b"" when nothing is left. `search`: find the first one by itself."""
    cdef span_t found
    cdef uint32_t first = 0
    if not search:
        cookie_find(<const uint8_t *>PyBytes_AS_STRING(value), <uint32_t>PyBytes_GET_SIZE(value),
                    <const uint8_t *>PyBytes_AS_STRING(name), <uint32_t>PyBytes_GET_SIZE(name), &found, &first)
    out = PyBytes_FromStringAndSize(NULL, PyBytes_GET_SIZE(value))
    n = cookie_strip(<const uint8_t *>PyBytes_AS_STRING(value), <uint32_t>PyBytes_GET_SIZE(value),
                     <const uint8_t *>PyBytes_AS_STRING(name), <uint32_t>PyBytes_GET_SIZE(name), first,
                     <uint8_t *>PyBytes_AS_STRING(out))
    return out[:n]
