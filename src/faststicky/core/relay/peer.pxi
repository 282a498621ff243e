"""What both ends of the relay have in common: a transport, back-pressure, a deadline."""

cdef enum:
    TICKS_PER_SECOND = 10     # resolution of every deadline but the connect's
    LEAVING_TICKS = 20        # for a client that is idle while the relay drains


_ABORTED = ConnectionAbortedError(errno.ECONNABORTED, "given up by the proxy")


cdef inline void arm(Peer peer, uint32_t ticks) noexcept:
    """Deadline of `peer` in so many ticks; 0: none. One store: this is done for every packet."""
    peer.relay.due[peer.place] = peer.relay.now + ticks if ticks else 0


@cython.no_gc  # its subclasses would inherit the collector, which takes a transport that uvloop does not read for garbage
cdef class Peer:
    """One end of a TCP connection."""

    def __cinit__(self, *args):
        self.reading = True
        self.descriptor = -1

    cdef int write(self, const void *data, Py_ssize_t size, bint last=False) except -1:
        """Send what the kernel takes at once; the transport keeps a copy of the rest, and tells us when it is too much
        (pause_writing).

        `last`: write_end comes next. The bytes wait for it, so that they leave in one segment with the FIN and the
        other end wakes up once, not twice.
        """
        cdef Py_ssize_t sent = 0
        if not self.behind or self.transport.get_write_buffer_size() == 0:
            sent = send_now(descriptor_of(self), data, size, MSG_MORE if last else 0)
            self.behind = sent < size
        if sent < size:
            self.transport.write(PyBytes_FromStringAndSize(<const char *>data + sent, size - sent))
        return 0

    cdef int write_end(self) except -1:
        """Close this direction, behind what was written."""
        if self.behind and self.transport.get_write_buffer_size():
            self.transport.write_eof()
        else:
            shutdown(descriptor_of(self), SHUT_WR)
        return 0

    cdef int stop_reading(self) except -1:
        """Back-pressure: what this end sends stays in the kernel's buffers until go_on_reading."""
        if self.reading and self.transport is not None:
            self.reading = False
            if self.adopted:
                unwatch(self)
            else:
                self.transport.pause_reading()
        return 0

    cdef int go_on_reading(self) except -1:
        if not self.reading and self.transport is not None:
            self.reading = True
            if self.adopted:
                watch(self)
            else:
                self.transport.resume_reading()
        return 0

    cdef int close_transport(self) except -1:
        """No more is read; what is written still goes out."""
        unwatch(self)
        self.transport.close()
        return 0

    cdef int abort_transport(self) except -1:
        """It is lost, and not by an end of its own, which may be that of an answer."""
        unwatch(self)
        if self.transport is not None:
            if self.fault is None:
                self.fault = _ABORTED
            self.transport.abort()
        return 0

    cdef int abort(self) except -1:
        """Let it go at once, whatever is under way."""
        return self.abort_transport()

    cdef bint pass_on(self, const char *data, Py_ssize_t size) except -1:
        """Bytes from the other end, in a buffer that the next read overwrites. True: they go through as they are, and have gone
        from there. False: they have to be looked at (received)."""
        return False

    cdef int received(self, bytes data) except -1:
        """Bytes from the other end."""
        return 0

    cdef bint ended(self) except -1:
        """The other end has sent its last byte. True keeps our side open."""
        return False

    cdef int expired(self) except -1:
        """The deadline has passed (it is cleared). Subclasses know what that means in their state."""
        return 0

    cdef uint64_t untaken(self) except? 0xffffffffffffffff:
        """Bytes that the other end has not acknowledged: ours and those in the kernel's buffer, which may hold megabytes."""
        return <uint64_t>self.transport.get_write_buffer_size() + unacknowledged(descriptor_of(self))

    cdef bint makes_progress(self) except -1:
        """While the other end takes nothing: has anything gone since the last look?"""
        cdef uint64_t unsent = self.untaken()
        cdef bint moved = unsent < self.unsent or unsent == 0 or self.unsent == 0  # not looked at before
        self.unsent = unsent
        return moved
