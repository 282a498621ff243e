"""Requests that wait for a backend: their service is known, but for the moment nobody can take them (hold).

A stop-first update of a service with a single task leaves such a gap, as does a crash. Whoever waits is tried again when
a new table is published or an ejected backend is back, and is answered 503 when its time is over.
"""

cdef enum:
    MOST_PARKED = 10000


cdef bint park(Exchange x) except -1:
    """Let `x` wait, if its service wants that and there is room; nothing of it may have been sent that cannot be sent again."""
    cdef Relay relay = x.relay
    cdef uint32_t hold = ticks(x.service.hold) if x.service.hold >= 0 else relay.hold_ticks
    if hold == 0 or x.raw is None or x.interim or relay.draining or len(relay.parked) >= MOST_PARKED:
        return False
    if x.parked_until == 0:
        x.parked_until = relay.now + hold
    elif x.parked_until <= relay.now:
        return False
    x.waiting = True
    relay.parked.add(x)
    relay.totals.parked += 1
    arm(x.client, x.parked_until - relay.now)
    return True


cdef int wake_parked(Relay relay) except -1:
    """Something has changed: everybody tries again."""
    cdef Exchange x
    waiting, relay.parked = relay.parked, set()
    for each in waiting:
        x = <Exchange>each
        if x.client is not None:
            x.start_again()
    return 0
