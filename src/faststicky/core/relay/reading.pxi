"""Reading without uvloop, for connections that are used more than once.

For every read uvloop takes and gives back the interpreter's lock, enters a context and does a stream's bookkeeping: a fifth
of the instructions of a kept request. So a connection that has shown that it stays is adopted: uvloop stops reading it, and an
epoll instance of the relay's own watches it. uvloop watches that one, and wakes us once for all that can be read. All else
stays with the transport: what the kernel does not take at once, closing, and telling that the connection is lost.

Edge-triggered: the kernel tells once that there is something, not again until more comes. So whoever is told reads until
there is no more, which a short read shows, but for an end that has come with the bytes (EPOLLRDHUP).
"""

cdef extern from "<sys/epoll.h>" nogil:
    enum:
        EPOLLIN
        EPOLLRDHUP
        EPOLLHUP
        EPOLLERR
        EPOLLET
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLL_CTL_MOD
        EPOLL_CLOEXEC
    ctypedef union epoll_data_t:
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int)
    int epoll_ctl(int, int, int, epoll_event *)
    int epoll_wait(int, epoll_event *, int, int)

cdef extern from "<unistd.h>" nogil:
    int close(int)

cdef enum:
    INBOX = 262_144           # bytes of one read, and of one connection's turn
    MOST_READY = 128          # connections of one turn; then whatever else the loop has to do
    ADOPTED_AFTER = 2         # a connection for one request, or one that stays idle behind it, is not worth the change


cdef int adopt(Peer peer) except -1:
    """From now on the relay reads this connection itself. Nothing happens if that is so already, or is not to be had."""
    cdef Relay relay = peer.relay
    if peer.adopted or relay.closed or peer.transport is None or descriptor_of(peer) < 0:
        return 0
    if relay.epoll < 0 and not open_epoll(relay):
        return 0
    peer.adopted = True
    relay.live_adopted += 1
    if peer.reading:
        peer.transport.pause_reading()
        watch(peer)
    return 0


cdef bint open_epoll(Relay relay) except -1:
    """False if there is no memory or no descriptor left for it: uvloop goes on reading, and the next one tries again."""
    if relay.inbox == NULL:
        relay.inbox = <char *>fs_malloc(INBOX)
    if relay.inbox == NULL:
        return False
    relay.epoll = epoll_create1(EPOLL_CLOEXEC)
    if relay.epoll < 0:
        return False
    relay.loop.add_reader(relay.epoll, relay._readable)
    return True


cdef int close_epoll(Relay relay) except -1:
    if relay.epoll >= 0:
        relay.loop.remove_reader(relay.epoll)
        close(relay.epoll)
        relay.epoll = -1
    fs_free(relay.inbox)
    relay.inbox = NULL
    return 0


cdef int control(Peer peer, int operation) noexcept:
    cdef epoll_event event
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET
    event.data.u64 = <uint64_t>peer.watched << 32 | peer.place
    return epoll_ctl(peer.relay.epoll, operation, peer.descriptor, &event)


cdef int watch(Peer peer) except -1:
    """Read it whenever there is something. What is there already is told at once."""
    cdef Relay relay = peer.relay
    if relay.closed:
        return 0
    relay.watches = relay.watches % 0xffffffff + 1
    peer.watched = relay.watches
    if control(peer, EPOLL_CTL_ADD) != 0:  # the kernel has no room for it: back to uvloop
        disown(peer)
        peer.transport.resume_reading()
    return 0


cdef void disown(Peer peer) noexcept:
    """It is lost, or uvloop's again."""
    peer.watched = 0
    if peer.adopted:
        peer.adopted = False
        peer.relay.live_adopted -= 1


cdef void unwatch(Peer peer) noexcept:
    """Read it no more: events that are under way are not for it."""
    if peer.watched:
        control(peer, EPOLL_CTL_DEL)
        peer.watched = 0


cdef int read_ready(Relay relay) except -1:
    """One turn: read what can be read."""
    cdef epoll_event ready[MOST_READY]
    cdef int count = epoll_wait(relay.epoll, ready, MOST_READY, 0)
    cdef int i
    cdef uint32_t place
    cdef Peer peer
    for i in range(count):
        place = <uint32_t>ready[i].data.u64
        if place >= relay.places or relay.owners[place] == NULL:
            continue
        peer = <Peer>relay.owners[place]
        if peer.watched != ready[i].data.u64 >> 32:  # of a connection that had this place before, or was stopped in this turn
            continue
        try:
            read_peer(relay, peer, ready[i].events)
        except Exception as error:
            # One connection's fault must not cost the others their turn
            relay.loop.call_exception_handler({"message": "a connection failed", "exception": error})
            peer.abort()
    return 0


cdef int read_peer(Relay relay, Peer peer, uint32_t events) except -1:
    cdef uint32_t watched = peer.watched
    cdef ssize_t size
    if events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR):
        peer.ending = True
    while peer.watched == watched:
        size = recv(peer.descriptor, relay.inbox, INBOX, MSG_DONTWAIT)
        if size > 0:
            if not peer.pass_on(relay.inbox, size):
                peer.received(PyBytes_FromStringAndSize(relay.inbox, size))
            if size == INBOX and peer.watched == watched:
                control(peer, EPOLL_CTL_MOD)  # there may be more: told again, after the others
                return 0
            if not peer.ending:
                return 0
        elif size == 0:
            unwatch(peer)
            if not peer.ended():
                peer.transport.close()
        elif errno.errno == errno.EAGAIN:
            return 0
        elif errno.errno != errno.EINTR:
            peer.fault = OSError(errno.errno, "the connection was lost")
            peer.abort_transport()
    return 0
