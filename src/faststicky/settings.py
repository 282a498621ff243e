"""What can be set: the relay's limits and deadlines. Durations are seconds, sizes bytes, 0 switches a limit off."""

from __future__ import annotations

import msgspec


class RelayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, deadlines and habits of the relay; each is an option of `faststicky run`."""

    max_head: int = 32768  # request head; above: 431
    max_line: int = 8192  # request line (above: 414) and each field line (above: 431)
    max_fields: int = 100  # above: 431
    max_body: int = 0  # request body; above: 413
    head_timeout: float = 10.0  # from the first byte of a head to its end; then 408
    keepalive_timeout: float = 60.0  # idle client connection
    connect_timeout: float = 1.0  # to a backend; then another one
    response_timeout: float = 120.0  # from the end of the request to the first byte of the answer; then 504
    idle_timeout: float = 60.0  # no byte moved while a body is under way
    write_timeout: float = 30.0  # a peer that takes nothing of what is ready for it
    tunnel_timeout: float = 3600.0  # no byte moved in either direction of an upgraded connection
    half_close_grace: float = 1.0  # client has closed its side: how long its answer may take to begin or go on
    linger: float = 2.0  # after an answer that closes: how long late bytes are still read, so that it is not lost to a reset
    max_connections: int = 0  # 0: what the limit of open files allows
    max_connections_per_client: int = 0
    max_requests_per_connection: int = 0
    pool_size: int = 128  # idle connections kept to each backend
    pool_idle: float = 4.0  # how long; below Node's 5 s, the shortest common keep-alive of backends
    retries: int = 2  # other backends tried after the first
    replay_limit: int = 65536  # bytes of a request body that are kept so that it can be sent again
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-* and Forwarded are kept and appended to
    forwarded: bool = False  # also write Forwarded (RFC 7239)
    request_id: bool = False  # also write X-Request-ID
    via: str = ""  # pseudonym for Via; "": none is written
    underscores: bool = False  # forward field names with "_" (otherwise dropped, as nginx does)
