"""Statistics lines: JSON, one for each service and one for all traffic; docs/operating.md has the fields.

A line stays below 16 KiB, where Docker's log drivers cut: the tasks of a large service go on in lines of their own.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import orjson

from faststicky.observe import sparse
from faststicky.observe.histogram import Histogram
from faststicky.observe.numbers import Numbers, hit_rate
from faststicky.observe.sample import Sample, ServiceSample, TaskSample

TASKS_A_LINE = 24
PERCENTILES = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0))
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the line of all traffic says beside its numbers. Memory in bytes, age in seconds."""

    node: str
    connections: int  # of clients, open now
    generation: int
    sync_age: float | None
    workers: int
    restarts: int
    memory: int  # resident, of all processes
    open_files: int
    lost_access_lines: int = 0  # in the interval


def build(
    part: Sample, facts: Facts, states: dict[str, str], when: datetime.datetime, *, last: bool = False
) -> Iterator[bytes]:
    """part: of an interval (`Sample.since`). states: of backends, by ID. Each line ends with a line break."""
    head: dict[str, Any] = {"time": timestamp(when), "level": "info", "event": "stats", "node": facts.node}
    head["interval"] = round(part.seconds, 3)
    if last:
        head["last"] = True
    for service in part.services.values():
        seen = [task for task in service.tasks.values() if not task.numbers.is_silent or task.numbers.registers]
        if service.numbers.is_silent and not seen:
            continue
        tasks = [_task(task, states.get(task.id, "gone")) for task in seen]
        body = _service(service, part.seconds)
        yield _line({**head, "scope": "service", "service": service.name, **body, "tasks": tasks[:TASKS_A_LINE]})
        for start in range(TASKS_A_LINE, len(tasks), TASKS_A_LINE):
            more = tasks[start : start + TASKS_A_LINE]
            yield _line({**head, "scope": "tasks", "service": service.name, "tasks": more})
    own = {name: value for name, value in msgspec.to_builtins(facts).items() if name != "node"}
    yield _line({**head, "scope": "total", **_service(part.whole, part.seconds), **own})


def summary(part: Sample, when: datetime.datetime) -> Iterator[bytes]:
    """The same for people at a terminal: a short line for each service that did something."""
    for service in part.services.values():
        if service.numbers.is_silent:
            continue
        times = {key: "-" if value is None else f"{value:g}ms" for key, value in latency(service.first_byte).items()}
        hits = hit_rate(service.numbers.outcomes)
        name = service.name.encode("unicode_escape").decode()  # it is written by others
        text = (
            f"{when.astimezone():%H:%M:%S} STATS   {name}  requests={service.numbers.requests} "
            f"rate={service.numbers.requests / part.seconds:.1f} 5xx={service.numbers.answers[5]} p50={times['p50']} "
            f"p99={times['p99']} users={service.numbers.sessions()}" + ("" if hits is None else f" hits={hits:.1%}")
        )
        yield text.encode() + b"\n"


def timestamp(when: datetime.datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return when.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def latency(histogram: Histogram) -> dict[str, float | None]:
    """Percentiles in milliseconds."""
    values = histogram.percentiles(percent for _, percent in PERCENTILES)
    return {
        name: None if value is None else round(value * 1000, 3)
        for (name, _), value in zip(PERCENTILES, values, strict=True)
    }


def answers(numbers: Numbers) -> dict[str, int]:
    """By class."""
    return dict(zip(CLASSES, numbers.answers[1:], strict=True))


def _service(sample: ServiceSample, seconds: float) -> dict[str, Any]:
    numbers = sample.numbers
    rate = hit_rate(numbers.outcomes)
    return {
        "requests": numbers.requests,
        "rate": round(numbers.requests / seconds, 2),
        "answers": answers(numbers),
        "failures": {name: count for name, count in numbers.failures.items() if count},
        "bytes_in": numbers.bytes_in,
        "bytes_out": numbers.bytes_out,
        "outcomes": {name: count for name, count in numbers.outcomes.items() if count},
        "hit_rate": None if rate is None else round(rate, 4),
        "sessions": numbers.sessions(),
        "retries": numbers.retries,
        "connect_errors": numbers.connect_errors,
        "resets": numbers.resets,
        "ejections": numbers.ejections,
        "in_flight": numbers.in_flight,
        "queued": numbers.queued,
        "first_byte_ms": latency(sample.first_byte),
        "total_ms": latency(sample.total),
        "histograms": {"first_byte": sample.first_byte.encode(), "total": sample.total.encode()},
        "session_registers": sparse.encode(dict(enumerate(numbers.merged_registers()))),
    }


def _task(task: TaskSample, state: str) -> dict[str, Any]:
    numbers = task.numbers
    return {
        "task": task.name,
        "id": task.id,
        "state": state,
        "requests": numbers.requests,
        "sessions": numbers.sessions(),
        "errors": numbers.answers[5],
        "retries": numbers.retries,
        "connect_errors": numbers.connect_errors,
        "resets": numbers.resets,
        "ejections": numbers.ejections,
        "in_flight": numbers.in_flight,
        "queued": numbers.queued,
        "ejected": numbers.ejected,
        "outcomes": {name: count for name, count in numbers.outcomes.items() if count},
        "session_registers": sparse.encode(dict(enumerate(numbers.merged_registers()))),
    }


def _line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def joined(lines: Iterable[bytes]) -> bytes:
    """For one write."""
    return b"".join(lines)
