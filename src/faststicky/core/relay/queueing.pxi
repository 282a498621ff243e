"""A backend that takes only so many requests at once (max_concurrent): the others wait for their turn, first come, first served.

A user who is stuck to a full backend waits there for his own task rather than lose his session elsewhere, for as long as it
serves: if it leaves or is ejected, he is moved. The queue has a bound in length (max_queued) and in time (queue_timeout); beyond
either the answer is 503. The cap is each worker's own.
"""


cdef bint has_room(Exchange x) noexcept:
    return x.service.max_concurrent == 0 or (<Upstream>x.backend.upstream).load.in_flight < x.service.max_concurrent


cdef bint enqueue(Exchange x) except -1:
    """Let `x` wait for its turn; False if the queue is full."""
    cdef Upstream upstream = <Upstream>x.backend.upstream
    if upstream.queue is None:
        upstream.queue = collections.deque()
    if len(upstream.queue) >= x.service.max_queued:
        return False
    x.waiting = True
    x.queued = True
    x.stats.counters.queued += 1
    x.relay.total.counters.queued += 1
    upstream.stats.queued += 1
    upstream.queue.append(x)
    arm(x.client, ticks(x.service.queue_timeout))
    return True


cdef int leave_queue(Exchange x) except -1:
    """`x` is served now, or waits no longer."""
    cdef Upstream upstream = <Upstream>x.backend.upstream
    x.queued = False
    one_less(&x.stats.counters.queued)
    x.relay.total.counters.queued -= 1
    one_less(&upstream.stats.queued)
    if x in upstream.queue:
        upstream.queue.remove(x)
    return 0


cdef Exchange next_queued(Upstream upstream):
    """Whose turn it is; None if there is no room. Services that share a backend may allow it different numbers of requests."""
    cdef Exchange x = <Exchange>upstream.queue[0]
    if has_room(x):
        return x
    if upstream.users is not None and upstream.users.next_user is not None:
        for each in upstream.queue:
            if has_room(<Exchange>each):
                return <Exchange>each
    return None


cdef int serve_queue(Upstream upstream) except -1:
    """A request has left the backend: whose turn is it?"""
    cdef Exchange x
    while upstream.queue and not upstream.relay.closed:
        x = next_queued(upstream)
        if x is None:
            return 0
        leave_queue(x)
        if x.client is not None:
            if x.request_done:
                arm(x.client, 0)
            x.send()
    return 0


cdef int empty_queue(Upstream upstream) except -1:
    """It gets no more requests: those that wait for their turn are decided anew, with the table in force."""
    cdef Exchange x
    if not upstream.queue or upstream.relay.closed:
        return 0
    for each in list(upstream.queue):
        x = <Exchange>each
        if x.queued and x.backend.upstream is upstream and x.client is not None:  # not gone in the meantime
            leave_queue(x)
            x.start_again()
    return 0
