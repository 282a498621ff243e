"""A backend's idle connections: a list through the connections themselves, oldest to newest, so that any of them leaves at once."""


cdef int enter_pool(Connection connection) except -1:
    """Last in, first out."""
    cdef Upstream upstream = connection.upstream
    connection.older = upstream.newest
    if upstream.newest is None:
        upstream.oldest = connection
    else:
        upstream.newest.newer = connection
    upstream.newest = connection
    upstream.pooled += 1
    upstream.relay.idle_connections += 1
    return 0


cdef int leave_pool(Connection connection) except -1:
    cdef Upstream upstream = connection.upstream
    if connection.newer is None:
        upstream.newest = connection.older
    else:
        connection.newer.older = connection.older
    if connection.older is None:
        upstream.oldest = connection.newer
    else:
        connection.older.newer = connection.newer
    connection.older = connection.newer = None
    upstream.pooled -= 1
    upstream.relay.idle_connections -= 1
    return 0
