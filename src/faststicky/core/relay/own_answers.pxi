"""Answers that no backend gave: small, complete, and silent about the request (nothing of it is echoed)."""

_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
    508: b"Loop Detected",
}
_ALLOW = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"
_EXTRA_FIELDS = {
    200: _ALLOW,  # OPTIONS that may not go further (RFC 9110, 7.6.2)
    405: _ALLOW,  # RFC 9110, 15.5.6
    503: b"Retry-After: 1\r\n",  # a table with a new backend is seldom further away
}


cdef bytes own_answer(Relay relay, int status, bint keep, bint without_body):
    reason = _REASONS[status]
    body = b"%d %b\n" % (status, reason)
    return b"".join((
        b"HTTP/1.1 %d %b\r\n" % (status, reason),
        relay.date,
        b"Content-Type: text/plain\r\nContent-Length: %d\r\nCache-Control: no-store\r\n" % len(body),
        _EXTRA_FIELDS.get(status, b""),
        b"\r\n" if keep else b"Connection: close\r\n\r\n",
        b"" if without_body else body,
    ))
