"""What a run found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from faststicky.bench.plan import Plan
from faststicky.bench.slices import Histogram, Slice, total

PERCENTILES = (0.5, 0.75, 0.9, 0.99, 0.999, 0.9999)


class Result(msgspec.Struct, kw_only=True):
    """The counted part of a run, the warm-up left out."""

    url: str
    seconds: float  # of the counted part; the rate is that of this time
    sum: Slice
    in_time: int  # answers within `seconds`; the others came behind it, to requests of before
    slices: list[Slice]  # of all processes, the warm-up among them, as they came
    open_loop: bool
    wanted_rate: float
    users: int  # whose affinity was judged
    cookies: int  # set, the warm-up included: that is when most users get theirs

    @classmethod
    def of(cls, plan: Plan, slices: Sequence[Slice]) -> Result:
        """From all slices of all processes."""
        run = [each for each in slices if each.phase == "run"]
        whole = total(each for each in slices if each.phase != "warm-up")
        in_time = total(run)
        # Several processes begin at the same moment of their own clocks
        seconds = max((each.end for each in run), default=0.0) - min((each.begin for each in run), default=0.0)
        return cls(
            url=plan.target.url,
            seconds=max(seconds, 0.0),
            sum=whole,
            in_time=in_time.requests,
            slices=list(slices),
            open_loop=plan.rate > 0,
            wanted_rate=plan.rate,
            users=0 if plan.websocket or plan.identify == "nothing" else plan.sessions,
            cookies=sum(each.cookies_set for each in slices),
        )

    @property
    def rate(self) -> float:
        """Complete answers a second."""
        return self.in_time / self.seconds if self.seconds else 0.0

    @property
    def latency(self) -> Histogram:
        """What users see: of an open loop from the moment at which they wanted to ask."""
        return self.sum.corrected if self.open_loop else self.sum.latency

    @property
    def failed(self) -> int:
        """Requests that failed, whatever the kind."""
        return sum(self.sum.failures.values())

    @property
    def cpu_per_request(self) -> float:
        """Microseconds of the generator's own CPU time for each request."""
        return self.sum.cpu * 1e6 / self.sum.requests if self.sum.requests else 0.0

    def summary(self) -> dict[str, Any]:
        """For --json: seconds, bytes and microseconds."""
        found: dict[str, Any] = {
            "url": self.url,
            "seconds": round(self.seconds, 3),
            "requests": self.sum.requests,
            "requests_per_second": round(self.rate, 1),
            "bytes_in": self.sum.bytes_in,
            "bytes_out": self.sum.bytes_out,
            "connections_opened": self.sum.connects,
            "asked_again_after_polite_close": self.sum.repeated,
            "answers": {f"{i}xx": n for i, n in enumerate(self.sum.answers) if n},
            "errors": self.sum.failures,
            "latency_us": percentiles(self.latency),
            "generator_cpu_us_per_request": round(self.cpu_per_request, 2),
            "backends": self.sum.backends,
        }
        if self.open_loop:
            found["wanted_requests_per_second"] = self.wanted_rate
            found["latency_uncorrected_us"] = percentiles(self.sum.latency)
            found["generator_late_us"] = percentiles(self.sum.late)
        if self.users:
            found["affinity"] = {
                "users": self.users,
                "cookies_set": self.cookies,
                "answered_by_another_backend": self.sum.elsewhere,
                "users_moved": self.sum.moved,
            }
        return found


def percentiles(histogram: Histogram) -> dict[str, float]:
    """Microseconds by name."""
    found: dict[str, float] = {"mean": round(histogram.mean, 1)}
    found.update({f"p{share * 100:g}": float(histogram.percentile(share)) for share in PERCENTILES})
    found["max"] = float(histogram.longest)
    return found
