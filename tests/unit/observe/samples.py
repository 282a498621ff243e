"""Small samples for tests."""

from __future__ import annotations

from collections import Counter
from typing import Any

from faststicky.core._stats import bucket_of
from faststicky.observe.histogram import Histogram
from faststicky.observe.numbers import Numbers
from faststicky.observe.sample import Sample, ServiceSample, TaskSample


def task(ident: str, requests: int = 1, **more: Any) -> TaskSample:
    return TaskSample(id=ident, name=f"web.{ident}@node1", numbers=Numbers(requests=requests, **more))


def service(name: str, *tasks: TaskSample, millis: tuple[int, ...] = (), **more: Any) -> ServiceSample:
    counts = Counter(bucket_of(each * 1000) for each in millis)
    more.setdefault("requests", len(millis))
    return ServiceSample(
        name=name,
        numbers=Numbers(**more),
        first_byte=Histogram(counts),
        total=Histogram(counts),
        tasks={each.id: each for each in tasks},
    )


def sample(whole: ServiceSample, *services: ServiceSample, at: float = 0.0, seconds: float = 0.0) -> Sample:
    return Sample(at=at, seconds=seconds, whole=whole, services={each.name: each for each in services})
