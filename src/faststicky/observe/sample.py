"""One reading of all series: by service and task, and what lies between two of them."""

from __future__ import annotations

import msgspec

from faststicky.observe.histogram import Histogram
from faststicky.observe.numbers import Numbers


class TaskSample(msgspec.Struct, frozen=True, kw_only=True):
    """A backend of a service. name: "web.3@node2"."""

    id: str
    name: str
    numbers: Numbers

    def since(self, before: TaskSample | None) -> TaskSample:
        """What was counted after `before`."""
        return msgspec.structs.replace(self, numbers=self.numbers.since(before.numbers if before else None))


class ServiceSample(msgspec.Struct, frozen=True, kw_only=True):
    """A service, or all traffic (name "")."""

    name: str
    numbers: Numbers
    first_byte: Histogram
    total: Histogram
    tasks: dict[str, TaskSample] = {}  # by ID

    def since(self, before: ServiceSample | None) -> ServiceSample:
        """What was counted after `before`."""
        if before is None:
            return self
        return msgspec.structs.replace(
            self,
            numbers=self.numbers.since(before.numbers),
            first_byte=self.first_byte.since(before.first_byte),
            total=self.total.since(before.total),
            tasks={key: task.since(before.tasks.get(key)) for key, task in self.tasks.items()},
        )


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, at one moment of the monotonic clock, or (`since`) over `seconds`."""

    at: float
    seconds: float = 0.0
    whole: ServiceSample
    services: dict[str, ServiceSample]

    def since(self, before: Sample) -> Sample:
        """What was counted after `before`, in the time between."""
        return Sample(
            at=self.at,
            seconds=max(self.at - before.at, 1e-3),
            whole=self.whole.since(before.whole),
            services={name: service.since(before.services.get(name)) for name, service in self.services.items()},
        )
