"""The socket under a transport, for what uvloop's transports do not offer. Who wants it pays for asking once a connection."""

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    struct sockaddr:
        unsigned short sa_family
    struct sockaddr_storage:
        unsigned short ss_family
    int AF_INET
    int AF_INET6
    int SOL_SOCKET
    int SO_LINGER
    int MSG_DONTWAIT
    int MSG_MORE
    int MSG_NOSIGNAL
    int SHUT_WR
    struct linger:
        int l_onoff
        int l_linger
    int getpeername(int, sockaddr *, socklen_t *)
    int getsockname(int, sockaddr *, socklen_t *)
    int setsockopt(int, int, int, const void *, socklen_t)
    ssize_t send(int, const void *, size_t, int)
    ssize_t recv(int, void *, size_t, int)
    int shutdown(int, int)

cdef extern from "<sys/ioctl.h>" nogil:
    int ioctl(int, unsigned long, ...)

cdef extern from "<asm/ioctls.h>" nogil:
    unsigned long TIOCOUTQ
    unsigned long FIONREAD

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_USER_TIMEOUT

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP
    struct in_addr:
        pass
    struct in6_addr:
        pass
    struct sockaddr_in:
        in_addr sin_addr
        uint16_t sin_port
    struct sockaddr_in6:
        in6_addr sin6_addr
        uint16_t sin6_port
    uint16_t ntohs(uint16_t)

cdef extern from "<arpa/inet.h>" nogil:
    const char *inet_ntop(int, const void *, char *, socklen_t)


cdef int descriptor_of(Peer peer) except -2:
    """The descriptor of the peer's socket. It is the transport's: valid until its connection is lost."""
    if peer.descriptor < 0:
        peer.descriptor = peer.transport.get_extra_info("socket").fileno()
    return peer.descriptor


cdef size_t print_address(int descriptor, char *out) noexcept:
    """The other end's IP address at `out` (46 bytes), without a zone index, an IPv4-mapped one as IPv4, which is how everybody
    writes them in rules and logs; its length, 0 if it has none (a Unix socket)."""
    cdef sockaddr_storage address
    cdef socklen_t size = sizeof(address)
    if getpeername(descriptor, <sockaddr *>&address, &size) != 0:
        return 0
    if address.ss_family == AF_INET:
        inet_ntop(AF_INET, &(<sockaddr_in *>&address).sin_addr, out, 46)
    elif address.ss_family == AF_INET6:
        inet_ntop(AF_INET6, &(<sockaddr_in6 *>&address).sin6_addr, out, 46)
        if memcmp(out, b"::ffff:", 7) == 0 and memchr(out, c'.', strlen(out)) != NULL:
            memmove(out, out + 7, strlen(out) - 6)
    else:
        return 0
    return strlen(out)


cdef uint32_t port_of(int descriptor) noexcept:
    """The port at our end; 0 if it has none."""
    cdef sockaddr_storage address
    cdef socklen_t size = sizeof(address)
    if getsockname(descriptor, <sockaddr *>&address, &size) != 0:
        return 0
    if address.ss_family == AF_INET:
        return ntohs((<sockaddr_in *>&address).sin_port)
    if address.ss_family == AF_INET6:
        return ntohs((<sockaddr_in6 *>&address).sin6_port)
    return 0


cdef uint64_t unacknowledged(int descriptor) noexcept:
    """Bytes in the kernel's send buffer, which may hold megabytes."""
    cdef int queued = 0
    return <uint64_t>queued if ioctl(descriptor, TIOCOUTQ, &queued) == 0 else 0


cdef bint unread(int descriptor) noexcept:
    """Has something come that nobody has read?"""
    cdef int waiting = 0
    return ioctl(descriptor, FIONREAD, &waiting) == 0 and waiting > 0


cdef void reset_on_close(int descriptor) noexcept:
    cdef linger at_once = linger(1, 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once))


cdef void set_user_timeout(int descriptor, double seconds) noexcept:
    """How long the kernel waits for an acknowledgement; 0: as long as it likes."""
    cdef unsigned int milliseconds = <unsigned int>min(seconds * 1000, 2147483647.0)
    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof(milliseconds))


cdef inline Py_ssize_t send_now(int descriptor, const void *data, Py_ssize_t size, int flags) noexcept:
    """Bytes that the kernel has taken; 0 on any error, which the transport's own write will find as well."""
    cdef ssize_t sent = send(descriptor, data, size, MSG_DONTWAIT | MSG_NOSIGNAL | flags)
    return sent if sent > 0 else 0
