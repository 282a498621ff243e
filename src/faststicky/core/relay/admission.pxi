"""How many clients at once: in all, and from one address.

At the limit in all, nobody is turned away: the worker stops accepting (on_full), and whoever connects waits in the kernel's
queue until somebody leaves, as with HAProxy's maxconn. One address over its limit is answered 429.
"""


cdef int admit(Relay relay, Client client) except -1:
    """Count a new client. 0: it may stay; 1: its address has too many."""
    relay.open_clients += 1
    if relay.max_connections and relay.open_clients >= relay.max_connections and not relay.is_full:
        relay.is_full = True
        if relay.on_full is not None:
            relay.on_full(True)
    if relay.max_per_address:
        client.read_address()
        address = client.address[:client.address_size]
        count = relay.by_address.get(address, 0) + 1
        relay.by_address[address] = count
        if count > relay.max_per_address:
            return 1
    return 0


cdef int dismiss(Relay relay, Client client) except -1:
    """Count out a client that was admitted."""
    relay.open_clients -= 1
    if relay.max_per_address:
        address = client.address[:client.address_size]
        count = relay.by_address[address] - 1
        if count:
            relay.by_address[address] = count
        else:
            del relay.by_address[address]
    # A little below the limit, lest every single leaver starts and stops the listeners
    if relay.is_full and relay.open_clients < relay.max_connections - relay.max_connections // 20:
        relay.is_full = False
        if relay.on_full is not None:
            relay.on_full(False)
    return 0
