"""One user: a cookie jar, and where the user is at home."""

cdef enum:
    MOST_BUILT = 65536        # requests that are kept in all; beyond, they are built each time
    MOST_COOKIES = 64         # a jar's


cdef class Request:
    """A request of the plan, cut where cookies and `Connection: close` go. Method and body are those of the plan."""

    cdef bytes front          # request line and fields
    cdef bytes back           # the empty line and the body
    cdef uint32_t method

    def __init__(self, bytes front not None, bytes back not None, str method="GET"):
        if not front.endswith(b"\r\n") or not back.startswith(b"\r\n"):
            raise ValueError("a request is cut between its fields and the empty line behind them")
        self.front = front
        self.back = back
        self.method = METHOD_HEAD if method == "HEAD" else METHOD_GET


@cython.final
cdef class Session:
    """One user of the site under load."""

    cdef dict jar             # name -> value; None: cookies are ignored
    cdef bytes cookies        # "Cookie: a=b; c=d\r\n", or b""
    cdef uint32_t version     # of `cookies`
    cdef list built           # requests as sent, by 2 * place + close
    cdef uint32_t at          # the path that is asked for next
    cdef int home             # identity of the backend that a cookie of the current version belongs to
    cdef bint moved
    cdef bint has_moved_now   # in the current slice

    def __cinit__(self, bint remembers, uint32_t request_count, bint keep):
        self.jar = {} if remembers else None
        self.cookies = b""
        self.built = [None] * (2 * request_count) if keep else None
        self.home = NOBODY

    cdef bytes request(self, list requests, uint32_t place, bint last):
        """The request at `place` as this user sends it; `last`: on a connection that is closed behind it."""
        cdef bytes data
        cdef Request r
        if self.built is not None:
            data = self.built[2 * place + last]
            if data is not None:
                return data
        r = <Request>requests[place]
        data = r.front + self.cookies + (b"Connection: close\r\n" if last else b"") + r.back
        if self.built is not None:
            self.built[2 * place + last] = data
        return data

    cdef int set_cookie(self, bytes value) except -1:
        """Take a Set-Cookie into the jar (RFC 6265, 5.3, without scope and expiry). 1 if the jar is another one now."""
        pair, _, attributes = value.partition(b";")
        name, equals, text = pair.partition(b"=")
        name = name.strip()
        text = text.strip()
        before = self.jar.get(name)
        if b"max-age=0" in attributes.lower().replace(b" ", b"").split(b";"):
            self.jar.pop(name, None)
            text = None
        elif equals and (before is not None or len(self.jar) < MOST_COOKIES):
            self.jar[name] = text
        if before == text:
            return 0
        self.cookies = b"Cookie: " + b"; ".join(n + b"=" + v for n, v in self.jar.items()) + b"\r\n" if self.jar else b""
        self.version += 1
        if self.built is not None:
            self.built = [None] * len(self.built)
        return 1
