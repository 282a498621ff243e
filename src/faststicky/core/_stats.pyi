"""Counters and histograms in memory that the supervisor reads while one worker writes: no locks, one writer a region.

A region is a file descriptor's memory (memfd) that outlives the worker: its successor goes on counting in it. It holds
`SERVICES` service series (series 0 is the total of all traffic) and `BACKENDS` backend series (0: not counted anywhere).
Which series belongs to whom says TableSpec (ServiceSpec.series, BackendSpec.series); the supervisor gives the numbers out,
keeps them for as long as a service or backend is known, and clears a series before it gives it out again.
"""

from typing import Final, TypedDict

OUTCOMES: Final[tuple[str, ...]]
"""What stickiness did for a request. none: the service is not sticky. new: no cookie. hit: the user's task. draining: the same,
and it takes no new users. slot: its successor in the slot. foreign: another proxy's cookie. previous: one of the previous
key. moved_...: another task, since the user's own is not there (gone), is being stopped (leaving), is known not to serve
(down), has failed others (ejected), or this very request (failed)."""

SERVICES: Final[int]  # 4096
BACKENDS: Final[int]  # 65536
REGION_SIZE: Final[int]  # bytes; sparse: only what is counted in takes memory
BUCKETS: Final[int]  # of a histogram

class Counters(TypedDict):
    """Totals since the region was made, but for the gauges in_flight, queued, ejected and sessions."""

    requests: int
    answers: list[int]  # by class: [0] unused, [1] 1xx, ... [5] 5xx
    failures: dict[str, int]  # own answers: {"502": n, "503": n, "504": n, "other": n}
    bytes_in: int  # from clients: bodies and heads
    bytes_out: int
    retries: int  # requests that were sent again, to this or another backend
    connect_errors: int
    resets: int  # connections lost in an exchange, malformed or late answers
    ejections: int
    outcomes: dict[str, int]  # by OUTCOMES
    in_flight: int
    queued: int  # waiting for a backend or for its turn at one
    ejected: int  # 1: a backend that this worker sends nothing to for the moment, since it failed
    sessions: bytes  # HyperLogLog registers of the last window of 5 to 10 minutes; see `count_sessions`

class Histograms(TypedDict):
    first_byte: dict[int, int]  # counts by bucket, those of 0 left out: from the request's head to the answer's head
    total: dict[int, int]  # to the last byte of the answer

def read_service(region: object, series: int) -> tuple[Counters, Histograms]:
    """region: anything with the buffer protocol (an mmap). The values are read one by one, not at one moment."""

def read_backend(region: object, series: int) -> Counters: ...
def mark_service(region: object, series: int) -> int:
    """A number that is another one when anything in the series is, but once in 2**64 times. Reading takes ten times as long."""

def mark_backend(region: object, series: int) -> int: ...
def clear_service(region: object, series: int) -> None: ...
def clear_backend(region: object, series: int) -> None: ...
def bucket_of(microseconds: int) -> int: ...
def bucket_bounds(bucket: int) -> tuple[int, int]:
    """Lowest and highest microsecond of a bucket: 32 buckets an octave, so that a value is known to 3 %."""

def merge_sessions(registers: list[bytes]) -> bytes:
    """Of several workers, nodes or backends: the registers of the union."""

def count_sessions(registers: bytes) -> int:
    """Estimated number of distinct users (client address and User-Agent), standard error 9 %; exact for few."""
