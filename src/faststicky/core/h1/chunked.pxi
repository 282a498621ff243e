"""Chunked bodies (RFC 9112, section 7.1), decoded byte by byte except for the data."""

cdef enum:                    # chunk_t.state: what is expected next (RFC 9112, 7.1)
    AT_SIZE = 0               # a digit of a chunk size
    AT_SPACE                  # white space behind the size or a value: only before ";"
    AT_EXTENSION              # behind ";": the name of an extension
    AT_NAME                   # in it
    AT_NAME_SPACE             # white space behind it: only before "=" or ";"
    AT_VALUE_START            # behind "="
    AT_VALUE                  # in a token
    AT_QUOTED                 # in a quoted-string
    AT_ESCAPED                # behind a backslash in it
    AT_QUOTED_END             # behind it
    AT_SIZE_LF                # LF that ends the size line
    AT_DATA
    AT_DATA_CR
    AT_DATA_LF
    AT_TRAILER                # start of a trailer line, or the CR of the last line
    AT_TRAILER_NAME
    AT_TRAILER_VALUE
    AT_TRAILER_LF
    AT_LAST_LF
    AT_END


cdef void h1_chunk_begin(chunk_t *chunk) noexcept nogil:
    memset(chunk, 0, sizeof(chunk_t))
    chunk.most_extensions = MOST_EXTENSIONS
    chunk.most_trailer = MOST_TRAILER


cdef inline int _bad_chunk(chunk_t *chunk, int code, Py_ssize_t at) noexcept nogil:
    chunk.error.code = code
    chunk.error.at = <uint32_t>at
    return H1_BAD


cdef inline int _hex(uint8_t c) noexcept nogil:
    return c - c'0' if c <= c'9' else (c | 0x20) - c'a' + 10


cdef bint _extension_next(chunk_t *chunk, uint8_t c) noexcept nogil:
    """One byte more of *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), outside quotes; False: it cannot be here."""
    cdef uint32_t state = chunk.state
    if fs_class[c] & FS_TCHAR:
        if state == AT_EXTENSION:
            chunk.state = AT_NAME
        elif state == AT_VALUE_START:
            chunk.state = AT_VALUE
        else:
            return state == AT_NAME or state == AT_VALUE
    elif _is_space(c):
        if state == AT_NAME:
            chunk.state = AT_NAME_SPACE
        elif state == AT_VALUE or state == AT_QUOTED_END:
            chunk.state = AT_SPACE
    elif c == c';':
        chunk.state = AT_EXTENSION
        return state != AT_EXTENSION and state != AT_VALUE_START
    elif c == c'=':
        chunk.state = AT_VALUE_START
        return state == AT_NAME or state == AT_NAME_SPACE
    elif c == c'"':
        chunk.state = AT_QUOTED
        return state == AT_VALUE_START
    elif c == CR:
        chunk.state = AT_SIZE_LF
        return state == AT_NAME or state == AT_VALUE or state == AT_QUOTED_END
    else:
        return False
    return True


cdef int h1_chunk_next(
    chunk_t *chunk, const uint8_t *data, Py_ssize_t size, Py_ssize_t *used, Py_ssize_t *at, Py_ssize_t *length
) noexcept nogil:
    """The next event of a chunked body in data[*used:size]; *used moves behind what was read.

    CHUNK_DATA and CHUNK_TRAILER give a piece as data[*at:*at + *length]. H1_BAD: chunk.error.
    """
    cdef Py_ssize_t i = used[0]
    cdef Py_ssize_t begin
    cdef uint8_t c
    if AT_TRAILER <= chunk.state < AT_END:
        return _trailer_next(chunk, data, size, used, at, length)
    while i < size:
        c = data[i]
        if chunk.state == AT_DATA:
            begin = i
            i = size if <uint64_t>(size - i) < chunk.size else i + <Py_ssize_t>chunk.size
            chunk.size -= <uint64_t>(i - begin)
            if chunk.size == 0:
                chunk.state = AT_DATA_CR
            chunk.payload += <uint64_t>(i - begin)
            used[0] = i
            at[0] = begin
            length[0] = i - begin
            return CHUNK_DATA
        elif chunk.state == AT_SIZE:
            if fs_class[c] & FS_HEX:
                chunk.digits += 1
                if chunk.digits > MOST_CHUNK_DIGITS or chunk.size >> 56:
                    return _bad_chunk(chunk, E_BAD_CHUNK_SIZE, i)
                chunk.size = chunk.size << 4 | <uint64_t>_hex(c)
            elif chunk.digits == 0:
                return _bad_chunk(chunk, E_BAD_CHUNK_SIZE, i)
            elif c == CR:
                chunk.state = AT_SIZE_LF
            elif c == c';':
                chunk.state = AT_EXTENSION
            elif _is_space(c):
                chunk.state = AT_SPACE
            else:
                return _bad_chunk(chunk, E_BARE_LF if c == LF else E_BAD_CHUNK_SIZE, i)
        elif chunk.state == AT_SIZE_LF:
            if c != LF:
                return _bad_chunk(chunk, E_BARE_CR, i)
            chunk.digits = 0
            if chunk.size == 0:
                chunk.state = AT_TRAILER
                used[0] = i + 1
                return _trailer_next(chunk, data, size, used, at, length)
            chunk.state = AT_DATA
        elif chunk.state == AT_DATA_CR:
            if c != CR:
                return _bad_chunk(chunk, E_BAD_CHUNK_END, i)
            chunk.state = AT_DATA_LF
        elif chunk.state == AT_DATA_LF:
            if c != LF:
                return _bad_chunk(chunk, E_BAD_CHUNK_END, i)
            chunk.state = AT_SIZE
        elif chunk.state == AT_END:
            break
        else:  # extensions: read, limited, never forwarded (RFC 9112, 7.1.1)
            chunk.extensions += 1
            if chunk.extensions > chunk.most_extensions:
                return _bad_chunk(chunk, E_EXTENSIONS_TOO_LARGE, i)
            if chunk.state == AT_QUOTED or chunk.state == AT_ESCAPED:
                if (c < 0x20 and c != HTAB) or c == 0x7f:
                    return _bad_chunk(chunk, E_BAD_CHUNK_EXTENSION, i)
                chunk.state = (
                    AT_QUOTED if chunk.state == AT_ESCAPED
                    else AT_QUOTED_END if c == c'"' else AT_ESCAPED if c == c'\\' else AT_QUOTED
                )
            elif not _extension_next(chunk, c):
                return _bad_chunk(chunk, E_BARE_LF if c == LF else E_BAD_CHUNK_EXTENSION, i)
        i += 1
    used[0] = i
    return CHUNK_END if chunk.state == AT_END else CHUNK_MORE


cdef inline int _trailer_error(chunk_t *chunk, uint8_t c, Py_ssize_t at) noexcept nogil:
    """The first byte of a trailer line cannot begin a field name."""
    if c == LF:
        return _bad_chunk(chunk, E_BARE_LF, at)
    if c == c':':
        return _bad_chunk(chunk, E_EMPTY_NAME, at)
    if _is_space(c):
        return _bad_chunk(chunk, E_OBS_FOLD if chunk.trailer > 1 else E_LEADING_SPACE, at)
    return _bad_chunk(chunk, E_BAD_NAME, at)


cdef int _trailer_next(
    chunk_t *chunk, const uint8_t *data, Py_ssize_t size, Py_ssize_t *used, Py_ssize_t *at, Py_ssize_t *length
) noexcept nogil:
    """The trailer section (RFC 9112, 7.1.2): checked as strictly as a head, given as received, without the last line."""
    cdef Py_ssize_t begin = used[0]
    cdef Py_ssize_t i = begin
    cdef uint8_t c
    while i < size:
        c = data[i]
        if chunk.state == AT_LAST_LF:
            if c != LF:
                return _bad_chunk(chunk, E_BARE_CR, i)
            chunk.state = AT_END
            used[0] = i + 1
            return CHUNK_END
        if chunk.state == AT_TRAILER and c == CR:
            if i > begin:  # give the lines before the last one first
                break
            chunk.state = AT_LAST_LF
            i += 1
            begin = i
            continue
        chunk.trailer += 1
        if chunk.trailer > chunk.most_trailer:
            return _bad_chunk(chunk, E_TRAILER_TOO_LARGE, i)
        if chunk.state == AT_TRAILER:
            if not fs_class[c] & FS_TCHAR:
                return _trailer_error(chunk, c, i)
            chunk.digits = 1  # from here on: the length of the name
            chunk.state = AT_TRAILER_NAME
        elif chunk.state == AT_TRAILER_NAME:
            if c == c':':
                chunk.state = AT_TRAILER_VALUE
            elif not fs_class[c] & FS_TCHAR:
                return _bad_chunk(chunk, _name_error(c), i)
            else:
                chunk.digits += 1
                if chunk.digits > LONGEST_NAME:
                    return _bad_chunk(chunk, E_BAD_NAME, i)
        elif chunk.state == AT_TRAILER_VALUE:
            if c == CR:
                chunk.state = AT_TRAILER_LF
            elif c == LF:
                return _bad_chunk(chunk, E_BARE_LF, i)
            elif (c < 0x20 and c != HTAB) or c == 0x7f:
                return _bad_chunk(chunk, E_BAD_VALUE, i)
        else:
            if c != LF:
                return _bad_chunk(chunk, E_BARE_CR, i)
            chunk.state = AT_TRAILER
        i += 1
    used[0] = i
    at[0] = begin
    length[0] = i - begin
    return CHUNK_TRAILER if i > begin else CHUNK_MORE
