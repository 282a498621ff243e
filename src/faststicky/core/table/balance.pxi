"""Who gets the next new session.

wrr     smooth weighted round robin, as nginx does it: everybody gains its weight, the winner pays the total
least   fewest requests in flight for its weight
p2c     of two drawn at random, the one with fewer requests in flight
random  drawn by weight
hash    weighted rendezvous (Thaler and Ravishankar, 1998): the same key meets the same backend on every node, and only the
        keys of a backend that goes move

A backend that has just come counts with a growing part of its weight (slow start). One that is full (max_concurrent) is passed
over while another is not.

While a sticky service is updated, sessions go to backends that the update has done already: from the others they would have to
move once more. Taking turns then means that every one of them gets as many sessions as the others, also those who came last.
"""

_BALANCES = {"wrr": BALANCE_WRR, "least": BALANCE_LEAST, "p2c": BALANCE_P2C, "random": BALANCE_RANDOM, "hash": BALANCE_HASH}

cdef enum:
    WHOLE = 100               # a weight of 1, without slow start
    OVERFLOW_FACTOR = 2       # a backend is preferred until it has this many times the mean of requests in flight,
    OVERFLOW_ROOM = 4         # and so many more


cdef inline bint is_open(Service s, uint32_t i, const pick_t *pick) noexcept nogil:
    """May backend `i` be drawn under the conditions of this pass?"""
    cdef uint32_t k
    if s.states[i] != pick.state or s.loads[i].ejected != pick.ejected:
        return False
    if pick.wish and (pick.wish & ~s.traits[i] or s.loads[i].in_flight > pick.crowd):
        return False
    if not pick.full and s.max_concurrent and s.loads[i].in_flight >= s.max_concurrent:
        return False
    for k in range(pick.tried_count):
        if pick.tried[k] == i:
            return False
    return True


cdef inline int64_t weight_of(Service s, uint32_t i, const pick_t *pick) noexcept nogil:
    """Weight in hundredths, less during slow start."""
    cdef int64_t weight = WHOLE * s.weights[i]
    cdef uint32_t age
    if s.slow_start:
        age = pick.now - s.loads[i].born
        if age < s.slow_start:
            weight = weight * (age + 1) / s.slow_start
            if weight == 0 and s.weights[i]:
                weight = 1
    return weight


cdef inline uint64_t draw(Service s) noexcept nogil:
    """xorshift64*: quality enough to spread, and no lock."""
    s.random ^= s.random >> 12
    s.random ^= s.random << 25
    s.random ^= s.random >> 27
    return s.random * 0x2545f4914f6cdd1dull


cdef int by_turns(Service s, const pick_t *pick) noexcept nogil:
    cdef uint32_t i, k
    cdef int64_t weight
    cdef int64_t total = 0
    cdef int best = -1
    if s.alike and s.slow_start == 0:
        for k in range(s.count):
            i = (s.cursor + k) % s.count
            if is_open(s, i, pick):
                s.cursor = i + 1
                return <int>i
        return -1
    for i in range(s.count):
        if not is_open(s, i, pick):
            continue
        weight = weight_of(s, i, pick)
        if weight == 0:
            continue
        total += weight
        s.currents[i] += weight
        if best < 0 or s.currents[i] > s.currents[best]:
            best = <int>i
    if best >= 0:
        s.currents[best] -= total
    return best


cdef int by_load(Service s, const pick_t *pick, bint dealt) noexcept nogil:
    """Fewest in flight, or fewest sessions dealt, for the weight; of equal ones the next in turn, or any."""
    cdef uint32_t i, k
    cdef int64_t weight, load
    cdef int64_t best_weight = 1
    cdef int64_t best_load = 0
    cdef int best = -1
    cdef uint32_t first = <uint32_t>(draw(s) % s.count) if dealt and s.count else s.cursor
    for k in range(s.count):
        i = (first + k) % s.count
        if not is_open(s, i, pick):
            continue
        weight = weight_of(s, i, pick)
        if weight == 0:
            continue
        load = <int64_t>(s.loads[i].dealt if dealt else s.loads[i].in_flight) + 1
        if best < 0 or load * best_weight < best_load * weight:
            best, best_load, best_weight = <int>i, load, weight
    if best >= 0 and not dealt:
        s.cursor = <uint32_t>best + 1
    return best


cdef int by_chance(Service s, const pick_t *pick) noexcept nogil:
    cdef uint32_t i
    cdef int64_t total = 0
    cdef int64_t at
    for i in range(s.count):
        if is_open(s, i, pick):
            total += weight_of(s, i, pick)
    if total == 0:
        return -1
    at = <int64_t>(draw(s) % <uint64_t>total)
    for i in range(s.count):
        if is_open(s, i, pick):
            at -= weight_of(s, i, pick)
            if at < 0:
                return <int>i
    return -1


cdef int by_two_choices(Service s, const pick_t *pick) noexcept nogil:
    cdef int one = by_chance(s, pick)
    cdef int two = by_chance(s, pick)
    if one < 0 or two < 0:
        return one
    return two if s.loads[two].in_flight < s.loads[one].in_flight else one


cdef int by_key(Service s, const pick_t *pick) noexcept nogil:
    """The highest of weight / -ln(uniform hash of key and backend)."""
    cdef uint32_t i
    cdef int64_t weight
    cdef double score
    cdef double best_score = -1
    cdef int best = -1
    for i in range(s.count):
        if not is_open(s, i, pick):
            continue
        weight = weight_of(s, i, pick)
        if weight == 0:
            continue
        score = weight / -log((<double>(fs_mix(s.hashes[i], pick.key) >> 11) + 1) / 9007199254740994.0)
        if score > best_score:
            best, best_score = <int>i, score
    return best


cdef int draw_one(Service s, const pick_t *pick) noexcept nogil:
    if s.balance == BALANCE_WRR:
        return by_load(s, pick, True) if pick.wish & TRAIT_CURRENT else by_turns(s, pick)
    if s.balance == BALANCE_LEAST:
        return by_load(s, pick, False)
    if s.balance == BALANCE_P2C:
        return by_two_choices(s, pick)
    if s.balance == BALANCE_RANDOM:
        return by_chance(s, pick)
    return by_key(s, pick)


cdef int draw_preferred(Service s, pick_t *pick) noexcept nogil:
    """One with all traits that are wished for, or else with some of them; -1 if there is none that is not crowded.

    Crowded: it has so much to do that a session had better go to another node, or move once more.
    """
    cdef uint32_t i
    cdef uint8_t wish
    cdef uint64_t total = 0
    cdef int found = -1
    for i in range(s.count):
        total += s.loads[i].in_flight
    pick.crowd = OVERFLOW_FACTOR * total / s.count + OVERFLOW_ROOM
    for wish in range(s.wishes, 0, -1):
        if wish & ~s.wishes:
            continue
        pick.wish = wish
        found = draw_one(s, pick)
        if found >= 0:
            if s.wishes & TRAIT_CURRENT:
                s.loads[found].dealt += 1
            break
    pick.wish = 0
    return found


cdef int choose_backend(
    Service s, const uint32_t *tried, uint32_t tried_count, uint64_t key, uint32_t now
) noexcept nogil:
    """Position of the backend for a new session, -1 if there is nobody.

    In this order: one that is preferred; any that is up; one that is up but full; a draining one, better served there than not
    at all; an ejected one, better a try there than no answer.
    """
    cdef pick_t pick
    cdef int found = -1
    pick.tried, pick.tried_count, pick.key, pick.now = tried, tried_count, key, now
    pick.state, pick.ejected, pick.wish, pick.full = STATE_UP, False, 0, False
    if s.wishes:
        found = draw_preferred(s, &pick)
    if found < 0:
        found = draw_one(s, &pick)
    if found < 0 and s.max_concurrent:
        pick.full = True
        found = by_load(s, &pick, False)
    pick.full = True
    if found < 0:
        pick.state = STATE_DRAINING
        found = draw_one(s, &pick)
    if found < 0:
        pick.state, pick.ejected = STATE_UP, True
        found = draw_one(s, &pick)
    return found
