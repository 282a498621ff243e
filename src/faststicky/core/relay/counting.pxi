"""What is counted, where: each function here is called at one place of an exchange's life and writes a few words of the
region that the supervisor reads (see _stats). Everything is counted for the service and for the total (service 0)."""


cdef void count_request(Exchange x, const uint8_t *data, const head_t *head) noexcept:
    """A request has a service."""
    cdef Relay relay = x.relay
    cdef Client client = x.client
    x.begun = stats_clock()
    x.counted = True
    x.stats.counters.requests += 1
    x.stats.counters.in_flight += 1
    relay.total.counters.requests += 1
    relay.total.counters.in_flight += 1
    if client.agent_size != head.agent.size or client.user == 0:
        client.agent_size = head.agent.size
        client.user = fs_hash(<const uint8_t *>client.address, client.address_size) ^ fs_hash(
            data + head.agent.at, head.agent.size
        ) or 1
    stats_session(&x.stats.counters, relay.window, client.user)
    stats_session(&relay.total.counters, relay.window, client.user)


cdef void count_outcome(Exchange x) noexcept:
    """What was decided last: an answer is here, or the end. Before that a request may wait or fail and be decided anew, and who
    reads in between must not see a count go back."""
    if x.outcome_counted:
        return
    x.outcome_counted = True
    x.relay.totals.outcomes[x.outcome] += 1
    x.stats.counters.outcomes[x.outcome] += 1
    x.relay.total.counters.outcomes[x.outcome] += 1


cdef void count_try(Exchange x) noexcept:
    """The request goes to x.backend."""
    cdef series_t *stats = (<Upstream>x.backend.upstream).stats
    x.tries += 1
    (<Upstream>x.backend.upstream).load.in_flight += 1
    stats.requests += 1
    stats.in_flight += 1
    stats.outcomes[x.outcome] += 1
    x.counted_at = x.backend
    stats_session(stats, x.relay.window, x.client.user)
    if x.tries > 1:
        stats.retries += 1
        x.stats.counters.retries += 1
        x.relay.total.counters.retries += 1


cdef inline void one_less(int64_t *gauge) noexcept:
    """Of a gauge that may have been given to somebody else, and set to zero, long after its owner left the table."""
    if gauge[0] > 0:
        gauge[0] -= 1


cdef void count_leave(Exchange x) noexcept:
    """The request is no longer with the backend that it was counted at."""
    if x.counted_at is not None:
        one_less(&(<Upstream>x.counted_at.upstream).stats.in_flight)
        (<Upstream>x.counted_at.upstream).load.in_flight -= 1
        x.counted_at = None


cdef void count_failure(Exchange x, Upstream upstream, bint connecting) noexcept:
    if connecting:
        upstream.stats.connect_errors += 1
        x.stats.counters.connect_errors += 1
        upstream.relay.total.counters.connect_errors += 1
    else:
        upstream.stats.resets += 1
        x.stats.counters.resets += 1
        upstream.relay.total.counters.resets += 1


cdef void count_answer(Exchange x, uint32_t status) noexcept:
    """The head of the answer is here."""
    cdef Relay relay = x.relay
    cdef uint32_t bucket
    count_outcome(x)
    x.answered = stats_clock()
    bucket = stats_bucket((x.answered - x.begun) // 1000)
    x.stats.counters.answers[status // 100] += 1
    x.stats.first_byte[bucket] += 1
    relay.total.counters.answers[status // 100] += 1
    relay.total.first_byte[bucket] += 1
    (<Upstream>x.backend.upstream).stats.answers[status // 100] += 1


cdef void count_own_answer(Relay relay, service_series_t *stats, int status, bytes answer) noexcept:
    cdef uint32_t kind = (
        FAILURE_502 if status == 502 else FAILURE_503 if status == 503 else FAILURE_504 if status == 504 else FAILURE_OTHER
    )
    relay.total.counters.answers[status // 100] += 1
    relay.total.counters.failures[kind] += 1
    relay.total.counters.bytes_out += <uint64_t>PyBytes_GET_SIZE(answer)
    if stats != NULL:
        stats.counters.answers[status // 100] += 1
        stats.counters.failures[kind] += 1
        stats.counters.bytes_out += <uint64_t>PyBytes_GET_SIZE(answer)
    else:
        relay.total.counters.requests += 1  # it never had a service that counted it


cdef void count_end(Exchange x, bint complete) noexcept:
    """The exchange is over."""
    cdef uint32_t bucket
    if not x.counted:
        return
    x.counted = False
    count_outcome(x)
    one_less(&x.stats.counters.in_flight)
    x.relay.total.counters.in_flight -= 1
    if complete:
        bucket = stats_bucket((stats_clock() - x.begun) // 1000)
        x.stats.total[bucket] += 1
        x.relay.total.total[bucket] += 1


cdef inline void count_in(Exchange x, Py_ssize_t size) noexcept:
    x.stats.counters.bytes_in += <uint64_t>size
    x.relay.total.counters.bytes_in += <uint64_t>size


cdef inline void count_out(Exchange x, Py_ssize_t size) noexcept:
    x.sent_down += <uint64_t>size
    x.stats.counters.bytes_out += <uint64_t>size
    x.relay.total.counters.bytes_out += <uint64_t>size
    if x.backend is not None:
        (<Upstream>x.backend.upstream).stats.bytes_out += <uint64_t>size
