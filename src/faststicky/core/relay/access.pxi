"""Access lines, written field by field into a buffer that is handed over ten times a second, and whenever it is full: in large
pieces they would hold up the requests behind them. Whoever takes them must not wait, and drops what it has no room for.

json       {"time":...} one object a line; docs/operating.md lists the fields
common     host - - [time] "request" status bytes                                       (Common Log Format)
combined   common "referer" "user agent"                                                (Combined Log Format)
traefik    combined, then number "service" "http://host:port" 12ms                      (Traefik's common format)
haproxy    client [time] frontend service/backend TR/Tw/Tc/Tr/Ta status bytes - - term ... "request"   (option httplog)

Bytes that a client chose are escaped: what would end a field or a line, control characters, and all but ASCII. No cookie and
no Authorization is ever written.
"""

cdef enum access_format:
    ACCESS_OFF = 0
    ACCESS_JSON = 1
    ACCESS_COMMON = 2
    ACCESS_COMBINED = 3
    ACCESS_TRAEFIK = 4
    ACCESS_HAPROXY = 5

cdef enum:
    MANY_LINES = 262144       # bytes that do not wait for the next tick
    LONGEST_SHOWN = 8192      # bytes of one field; the rest is cut off
    FIELDS_SHOWN = 7          # that may be so long: host, target, service, backend, id, referer, agent
    LONGEST_LINE = FIELDS_SHOWN * 6 * LONGEST_SHOWN + 4096  # six bytes for one that is escaped, and what is around the fields

_FORMATS = {
    "off": ACCESS_OFF, "json": ACCESS_JSON, "common": ACCESS_COMMON, "combined": ACCESS_COMBINED, "traefik": ACCESS_TRAEFIK,
    "haproxy": ACCESS_HAPROXY,
}


cdef int note_record(Exchange x, bytes data, const head_t *head) except -1:
    """Remember what the line will show of the request. Only with an access log."""
    cdef uint32_t i
    cdef const field_t *field
    x.text = data if PyBytes_GET_SIZE(data) <= 2 * <Py_ssize_t>head.length else data[:head.length]
    x.peer_size = x.client.address_size
    memcpy(x.peer, x.client.address, x.peer_size)
    x.record.method = head.word
    x.record.target = head.target
    x.record.host = head.host
    x.record.agent = head.agent
    x.record.version = head.version
    for i in range(head.count):
        field = &head.fields[i]
        if field.name.size == 7 and fs_same(
            <const uint8_t *>PyBytes_AS_STRING(data) + field.name.at, "referer", 7
        ):
            x.record.referer = field.value
        elif x.client.trusted and field.name.size == 12 and fs_same(
            <const uint8_t *>PyBytes_AS_STRING(data) + field.name.at, "x-request-id", 12
        ):
            x.record.id = field.value
    return 0


cdef int write_own_line(Client client, int status, bytes answer, bytes data, const head_t *head) except -1:
    """A request that never had a service: 404, 405, ... or no request at all (head NULL)."""
    cdef Exchange x = Exchange.__new__(Exchange, client, None, None)
    x.begun = stats_clock()
    x.sent_down = <uint64_t>PyBytes_GET_SIZE(answer)
    if head != NULL:
        note_record(x, data, head)
    else:
        x.peer_size = client.address_size
        memcpy(x.peer, client.address, x.peer_size)
        x.text = b"<BADREQ>"
        x.record.method.size = 8
    return write_line(x, status, "PR")


cdef inline str service_name(Exchange x):
    return "" if x.service is None else x.service.name


cdef int write_line(Exchange x, int status, const char *end) except -1:
    """The exchange is over: one line. `end` says how, in two letters as HAProxy's logs do (see docs/operating.md)."""
    cdef Relay relay = x.relay
    cdef const uint8_t *p
    cdef uint8_t *out
    if relay.access == ACCESS_OFF or x.text is None:
        return 0
    p = <const uint8_t *>PyBytes_AS_STRING(x.text)
    out = relay.lines + relay.lines_size
    if relay.access == ACCESS_JSON:
        out = put_json_line(x, p, out, status, end)
    elif relay.access == ACCESS_HAPROXY:
        out = put_haproxy_line(x, p, out, status, end)
    else:
        out = put_common_line(x, p, out, status)
    out[0] = c'\n'
    relay.lines_size = out + 1 - relay.lines
    x.text = None
    return flush_lines(relay) if relay.lines_size >= MANY_LINES else 0


cdef uint8_t *put_escaped(uint8_t *out, const uint8_t *p, uint32_t size, bint json) noexcept:
    """At most LONGEST_SHOWN bytes of p. JSON: \\u00XX; otherwise \\xXX, as Apache and nginx write them."""
    cdef uint32_t i
    cdef uint8_t c
    for i in range(size if size < LONGEST_SHOWN else LONGEST_SHOWN):
        c = p[i]
        if 0x20 <= c < 0x7f and c != c'"' and c != c'\\':
            out[0] = c
            out += 1
        elif json and (c == c'"' or c == c'\\'):
            out[0] = c'\\'
            out[1] = c
            out += 2
        else:
            out = put_text(out, "\\u00") if json else put_text(out, "\\x")
            out[0] = "0123456789abcdef"[c >> 4]
            out[1] = "0123456789abcdef"[c & 15]
            out += 2
    return out


cdef uint8_t *put_millis(uint8_t *out, uint64_t begin, uint64_t end) noexcept:
    """A time in milliseconds with three decimals; -1 if one of its ends never came."""
    cdef uint64_t micros
    if begin == 0 or end == 0 or end < begin:
        return put_text(out, "-1")
    micros = (end - begin) // 1000
    out += fs_put_decimal(out, micros // 1000)
    micros = micros % 1000
    out[0] = c'.'
    out[1] = <uint8_t>(c'0' + micros // 100)
    out[2] = <uint8_t>(c'0' + micros // 10 % 10)
    out[3] = <uint8_t>(c'0' + micros % 10)
    return out + 4


cdef uint8_t *put_whole_millis(uint8_t *out, uint64_t begin, uint64_t end) noexcept:
    if begin == 0 or end == 0 or end < begin:
        return put_text(out, "-1")
    return out + fs_put_decimal(out, (end - begin) // 1000000)


cdef uint8_t *put_subsecond(Relay relay, uint8_t *out, uint64_t at) noexcept:
    cdef uint64_t millis = (at - relay.stamp_base) // 1000000 if at > relay.stamp_base else 0
    if millis > 999:
        millis = 999
    out[0] = <uint8_t>(c'0' + millis // 100)
    out[1] = <uint8_t>(c'0' + millis // 10 % 10)
    out[2] = <uint8_t>(c'0' + millis % 10)
    return out + 3


cdef uint8_t *put_str(uint8_t *out, str text, bint json):
    cdef bytes data = text.encode("utf-8", "replace")
    return put_escaped(out, <const uint8_t *>PyBytes_AS_STRING(data), <uint32_t>PyBytes_GET_SIZE(data), json)


cdef uint8_t *put_request_line(Exchange x, const uint8_t *p, uint8_t *out, bint json) noexcept:
    out = put_escaped(out, p + x.record.method.at, x.record.method.size, json)
    out[0] = c' '
    out = put_escaped(out + 1, p + x.record.target.at, x.record.target.size, json)
    return put_text(out, " HTTP/1.1" if x.record.version > 10 else " HTTP/1.0")


cdef uint8_t *put_json_line(Exchange x, const uint8_t *p, uint8_t *out, int status, const char *end):
    cdef Relay relay = x.relay
    cdef uint64_t now = stats_clock()
    out = put_text(out, '{"time":"')
    out = put_bytes(out, relay.stamp)
    out[0] = c'.'
    out = put_subsecond(relay, out + 1, now)
    out = put_text(out, 'Z","client":"')
    out = put(out, x.peer, x.peer_size)
    out = put_text(out, '","method":"')
    out = put_escaped(out, p + x.record.method.at, x.record.method.size, True)
    out = put_text(out, '","host":"')
    out = put_escaped(out, p + x.record.host.at, x.record.host.size, True)
    out = put_text(out, '","target":"')
    out = put_escaped(out, p + x.record.target.at, x.record.target.size, True)
    out = put_text(out, '","version":"1.1","status":' if x.record.version > 10 else '","version":"1.0","status":')
    out += fs_put_decimal(out, status)
    out = put_text(out, ',"bytes":')
    out += fs_put_decimal(out, x.sent_down)
    out = put_text(out, ',"service":"')
    out = put_str(out, service_name(x), True)
    out = put_text(out, '","backend":"')
    if x.backend is not None:
        out = put_str(out, x.backend.name, True)
    out = put_text(out, '","sticky":"')
    out = put_str(out, OUTCOMES[x.outcome], True)
    out = put_text(out, '","queue":')
    out = put_millis(out, x.begun, x.dialed_at if x.dialed_at else x.sent_at)
    out = put_text(out, ',"connect":')
    out = put_millis(out, x.dialed_at if x.dialed_at else x.sent_at, x.sent_at)
    out = put_text(out, ',"first":')
    out = put_millis(out, x.begun, x.answered)
    out = put_text(out, ',"total":')
    out = put_millis(out, x.begun, now)
    out = put_text(out, ',"retries":')
    out += fs_put_decimal(out, x.tries - 1 if x.tries else 0)
    if x.id_low:
        out = put_text(out, ',"id":"')
        out = put_id(out, relay.id_high)
        out = put_id(out, x.id_low)
        out[0] = c'"'
        out += 1
    elif x.record.id.size:  # of a trusted proxy
        out = put_text(out, ',"id":"')
        out = put_escaped(out, p + x.record.id.at, x.record.id.size, True)
        out[0] = c'"'
        out += 1
    out = put_text(out, ',"end":"')
    out = put(out, end, 2)
    out = put_text(out, '","referer":"')
    out = put_escaped(out, p + x.record.referer.at, x.record.referer.size, True)
    out = put_text(out, '","agent":"')
    out = put_escaped(out, p + x.record.agent.at, x.record.agent.size, True)
    return put_text(out, '"}')


cdef uint8_t *put_common_line(Exchange x, const uint8_t *p, uint8_t *out, int status):
    cdef Relay relay = x.relay
    cdef bytes authority
    out = put(out, x.peer, x.peer_size)
    out = put_text(out, " - - [")
    out = put_bytes(out, relay.stamp)
    out = put_text(out, ' +0000] "')
    out = put_request_line(x, p, out, False)
    out = put_text(out, '" ')
    out += fs_put_decimal(out, status)
    out[0] = c' '
    out += 1
    out += fs_put_decimal(out, x.sent_down)
    if relay.access == ACCESS_COMMON:
        return out
    out = put_text(out, ' "')
    if x.record.referer.size:
        out = put_escaped(out, p + x.record.referer.at, x.record.referer.size, False)
    else:
        out = put_text(out, "-")
    out = put_text(out, '" "')
    if x.record.agent.size:
        out = put_escaped(out, p + x.record.agent.at, x.record.agent.size, False)
    else:
        out = put_text(out, "-")
    out = put_text(out, '"')
    if relay.access == ACCESS_COMBINED:
        return out
    out = put_text(out, " ")
    out += fs_put_decimal(out, relay.totals.requests)
    out = put_text(out, ' "')
    out = put_str(out, service_name(x), False)
    out = put_text(out, '" "')
    if x.backend is not None:
        out = put_text(out, "http://")
        authority = (<Upstream>x.backend.upstream).authority
        out = put_escaped(out, <const uint8_t *>PyBytes_AS_STRING(authority), <uint32_t>PyBytes_GET_SIZE(authority), False)
    else:
        out = put_text(out, "-")
    out = put_text(out, '" ')
    out = put_whole_millis(out, x.begun, stats_clock())
    return put_text(out, "ms")


cdef uint8_t *put_haproxy_line(Exchange x, const uint8_t *p, uint8_t *out, int status, const char *end):
    """log-format of `option httplog`: what this proxy does not know (counts of connections) is 0, captures are "-"."""
    cdef Relay relay = x.relay
    cdef uint64_t now = stats_clock()
    out = put(out, x.peer, x.peer_size)
    out = put_text(out, ":0 [")
    out = put_bytes(out, relay.stamp)
    out[0] = c'.'
    out = put_subsecond(relay, out + 1, now)
    out = put_text(out, "] faststicky ")
    out = put_str(out, "faststicky" if x.service is None else x.service.name, False)  # as HAProxy, which names the frontend twice
    out[0] = c'/'
    out += 1
    if x.backend is not None:
        out = put_str(out, x.backend.name, False)
    else:
        out = put_text(out, "<NOSRV>")
    out = put_text(out, " 0/")
    out = put_whole_millis(out, x.begun, x.dialed_at if x.dialed_at else x.sent_at)
    out[0] = c'/'
    out = put_whole_millis(out + 1, x.dialed_at if x.dialed_at else x.sent_at, x.sent_at)
    out[0] = c'/'
    out = put_whole_millis(out + 1, x.sent_at, x.answered)
    out[0] = c'/'
    out = put_whole_millis(out + 1, x.begun, now)
    out[0] = c' '
    out += 1
    out += fs_put_decimal(out, status)
    out[0] = c' '
    out += 1
    out += fs_put_decimal(out, x.sent_down)
    out = put_text(out, " - - ")
    out = put(out, end, 2)
    # cookie found: None, Valid, Down, Invalid; cookie sent: None, Inserted
    out[0] = (c'V' if x.outcome == OUTCOME_HIT or x.outcome == OUTCOME_DRAINING or x.outcome == OUTCOME_SLOT else
              c'D' if x.outcome > OUTCOME_GONE else c'O' if x.outcome == OUTCOME_PREVIOUS or x.outcome == OUTCOME_FOREIGN else
              c'I' if x.has_cookie else c'N')
    out[1] = c'I' if x.set_cookie else c'N'
    out = put_text(out + 2, " 0/0/0/0/")
    out += fs_put_decimal(out, x.tries - 1 if x.tries else 0)
    out = put_text(out, ' 0/0 "')
    out = put_request_line(x, p, out, False)
    return put_text(out, '"')


cdef int note_stamp(Relay relay, int64_t wall, uint64_t base) except -1:
    """The second has changed."""
    relay.stamp_base = base
    if relay.access == ACCESS_JSON:
        relay.stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(wall)).encode()
    else:
        relay.stamp = time.strftime("%d/%b/%Y:%H:%M:%S", time.gmtime(wall)).encode()
    return 0


cdef int flush_lines(Relay relay) except -1:
    """Hand over what has been written. If there is no memory for that, it is lost: the next line needs the room."""
    cdef size_t size = relay.lines_size
    relay.lines_size = 0
    if size:
        relay.on_access(PyBytes_FromStringAndSize(<const char *>relay.lines, size))
    return 0
