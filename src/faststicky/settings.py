"""What can be set. Durations are seconds, sizes bytes, 0 switches a limit off.

Each field of RelayOptions carries its own description and unit, so that `faststicky run` makes its options from here
(cli/relay_options.py) and nothing has to be written twice.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from faststicky.address import Address

Duration = Annotated[float, Meta(ge=0, le=365 * 86400, extra={"unit": "duration"})]
Size = Annotated[int, Meta(ge=0, le=1 << 50, extra={"unit": "size"})]
HeadSize = Annotated[int, Meta(ge=0, le=1 << 24, extra={"unit": "size"})]  # 0: so much; there is memory for that
Count = Annotated[int, Meta(ge=0, le=1_000_000_000, extra={"unit": "count"})]

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "text", "json"]


def about(text: str) -> Meta:
    """What a field means: its `--help`."""
    return Meta(description=text)


class RelayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Limits, deadlines and habits of the relay; each is an option of `faststicky run`."""

    max_head: Annotated[HeadSize, about("Request head; above: 431.")] = 32768
    max_line: Annotated[HeadSize, about("Request line (above: 414) and each field line (above: 431).")] = 8192
    max_fields: Annotated[Count, about("Fields in a request head; above: 431.")] = 100
    max_body: Annotated[Size, about("Request body; above: 413.")] = 0
    head_timeout: Annotated[Duration, about("From the first byte of a request head to its end; then 408.")] = 10.0
    keepalive_timeout: Annotated[Duration, about("Idle client connection.")] = 60.0
    connect_timeout: Annotated[
        Duration, about("Connecting to a backend; then another one is tried, each for half of it.")
    ] = 1.0
    silence_timeout: Annotated[
        Duration, about("A backend's machine that acknowledges nothing is given up, with all connections to it.")
    ] = 1.0
    response_timeout: Annotated[
        Duration, about("From the end of the request to the first byte of the answer; then 504.")
    ] = 120.0
    idle_timeout: Annotated[Duration, about("No byte moved while a body is under way.")] = 60.0
    write_timeout: Annotated[Duration, about("A peer that takes nothing of what is ready for it.")] = 30.0
    tunnel_timeout: Annotated[
        Duration, about("No byte moved in either direction of an upgraded connection (WebSocket).")
    ] = 3600.0
    half_close_grace: Annotated[
        Duration, about("Client has closed its side: how long its answer may take to begin or go on.")
    ] = 1.0
    linger: Annotated[
        Duration, about("After an answer that closes: how long late bytes are read, lest a reset destroys it.")
    ] = 2.0
    max_connections: Annotated[
        Count, about("Client connections of a worker, bounded by what open files allow; 0: that.")
    ] = 0
    max_connections_per_client: Annotated[Count, about("The same for one client address.")] = 0
    max_requests_per_connection: Annotated[Count, about("Then the connection is closed politely.")] = 0
    pool_size: Annotated[Count, about("Idle connections kept to each backend.")] = 128
    # below Node's 5 s, the shortest common keep-alive of backends
    pool_idle: Annotated[Duration, about("How long an idle connection to a backend is kept.")] = 4.0
    retries: Annotated[Count, about("Other backends tried after the first.")] = 2
    eject_after: Annotated[
        Count,
        about(
            "Failures in a row after which a backend gets no more requests; a time-out counts for all of them; "
            "0: none but those on a machine that acknowledges nothing."
        ),
    ] = 3
    eject_time: Annotated[
        Duration, about("Then it is tried again, with a connection of our own; twice as long after each failed try.")
    ] = 2.0
    hold: Annotated[Duration, about("How long a request waits for a backend when its service has none.")] = 0.0
    replay_limit: Annotated[Size, about("Bytes of a request body kept so that it can be sent again.")] = 65536
    access_log: Annotated[
        Literal["off", "json", "common", "combined", "traefik", "haproxy"],
        about("A line for every request, and its format."),
    ] = "off"
    trusted_proxies: Annotated[
        tuple[str, ...], about("Network whose X-Forwarded-* and Forwarded are kept and appended to (repeatable).")
    ] = ()
    forwarded: Annotated[bool, about("Write Forwarded (RFC 7239) beside X-Forwarded-*.")] = True
    request_id: Annotated[bool, about("Write X-Request-ID, unless a trusted proxy has.")] = True
    via: Annotated[str, about("Pseudonym for Via; without one none is written.")] = ""
    underscores: Annotated[bool, about('Forward field names with "_" (otherwise dropped, as nginx does).')] = False


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `faststicky run` was told. One of `swarm`, `backends`, `dns`, `config` and `feed` says where
    backends come from."""

    listen: tuple[Address, ...] = (Address("0.0.0.0", 80),)  # noqa: S104
    admin: Address | None = Address("127.0.0.1", 8080)  # None: no admin server
    admin_hosts: tuple[str, ...] = ()  # names by which the admin server may be called, besides IP addresses
    workers: int = 1
    swarm: bool = False
    docker_endpoint: str = "unix:///var/run/docker.sock"
    network: str = ""  # overlay on which tasks are reached, unless a label names one
    domain: str = ""  # a service without a rule is routed by the host SERVICE.DOMAIN
    exposed_by_default: bool = True
    traefik_provider: Literal["docker", "swarm"] = "swarm"  # whose default cookie names stay: Traefik 2's, 3's
    backends: tuple[str, ...] = ()  # URLs
    dns: tuple[str, ...] = ()  # "tasks.web:8000"
    config: str = ""  # path of a TOML file
    feed: tuple[str, ...] = ()  # "tasks.proxy:7070"
    feed_listen: Address | None = None  # where others may follow this one
    key_file: str = ""  # "": the Docker secret, if there is one
    state_dir: str
    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"
    access_log_file: str = ""  # "": standard output
    stats_interval: float = 10.0  # seconds between two sets of statistics lines; 0: none
    admin_token_file: str = ""  # with one, changing anything needs its content as a bearer token
    ready_max_age: float = 0.0  # seconds since the source last confirmed the table, above which /ready is 503; 0: any
    grace: float = 10.0  # seconds for requests in flight when stopping
    ready_file: str = ""  # written when every worker serves, removed at the end
    relay: RelayOptions = RelayOptions()
    notes: tuple[str, ...] = ()  # what the command line's translation has to tell the operator, once
