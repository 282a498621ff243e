"""Passive health: what users' requests tell of backends, and what is done about it.

A backend that fails several times in a row, or whose machine is silent, is ejected: it gets no more requests, its stuck users
are moved, its connections are closed. After eject_time the relay connects to it once, with nobody's request at risk; if that
succeeds it is back, with a single failure's credit.
"""

cdef enum:
    LONGEST_EJECTION = 600    # ticks


cdef int upstream_fails(Exchange x, Upstream upstream, bint timeout) except -1:
    """One failure more, of x; a time-out counts for as many as are needed, since each of them costs somebody a wait."""
    cdef Relay relay = upstream.relay
    if relay.eject_after == 0 or upstream.load.ejected:
        return 0
    upstream.failures += 1
    if timeout or upstream.failures >= relay.eject_after:
        eject(x, upstream)
    return 0


cdef int eject(Exchange x, Upstream upstream) except -1:
    """x: whose failure was one too many, and in whose service it is counted; None if nobody waited for the backend."""
    cdef Relay relay = upstream.relay
    if upstream.load.ejected or upstream.retired or relay.closed:
        return 0
    upstream.load.ejected = True
    upstream.ejections += 1
    upstream.ejection = relay.eject_ticks
    upstream.back_at = relay.now + upstream.ejection
    relay.totals.ejections += 1
    upstream.stats.ejections += 1
    upstream.stats.ejected = 1
    if x is not None:
        x.stats.counters.ejections += 1
    relay.total.counters.ejections += 1
    relay.ejected.append(upstream)
    upstream.close_idle()
    relay.event("ejected", {"backend": upstream.name, "failures": upstream.failures})
    return empty_queue(upstream)


cdef int try_ejected(Relay relay) except -1:
    """Once a tick: those whose time is over are tried."""
    cdef Upstream upstream
    for each in list(relay.ejected):
        upstream = <Upstream>each
        if upstream.retired:
            relay.ejected.remove(upstream)
        elif upstream.back_at and upstream.back_at <= relay.now:
            upstream.back_at = 0  # the try is under way
            upstream.start_trial()
    return 0


cdef int trial_over(Upstream upstream, bint well) except -1:
    cdef Relay relay = upstream.relay
    if upstream.retired or relay.closed:
        return 0
    if not well:
        upstream.ejection = min(2 * upstream.ejection, LONGEST_EJECTION)
        upstream.back_at = relay.now + upstream.ejection
        return 0
    upstream.load.ejected = False
    upstream.stats.ejected = 0
    upstream.failures = relay.eject_after - 1
    relay.ejected.remove(upstream)
    relay.event("restored", {"backend": upstream.name})
    return wake_parked(relay)


cdef int machine_is_silent(Exchange x, Upstream upstream) except -1:
    """A connection to this backend was lost because its machine acknowledges nothing: all others will be, one after the
    other. Those that wait for an answer are ended now, so that no user waits for more than one such time-out."""
    cdef Relay relay = upstream.relay
    cdef uint32_t place
    cdef Connection connection
    eject(x, upstream)
    for place in range(1, relay.places):
        if relay.owners[place] == NULL or type(<object>relay.owners[place]) is not Connection:
            continue
        connection = <Connection>relay.owners[place]
        if connection.upstream is upstream and connection.state == CONNECTION_BUSY and connection.transport is not None:
            connection.abort_transport()
    return 0
