"""What is measured: one plan of load, and how the proxy is set up for it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Scenario(NamedTuple):
    """name: heading; note: what is special; plan: fields of faststicky.bench.plan.Plan.

    share_of: another scenario. The load is then SHARE of the requests a second that HAProxy answered there, open loop; proxies
    that answered fewer there are left out, and those that cannot be given another table by a file keep theirs.
    """

    name: str
    title: str
    plan: dict[str, Any]
    note: str = ""
    backends: int = 3
    workers: int = 1
    log: bool = False
    fields: bool = False
    swap: bool = False
    only_sticky: bool = False
    share_of: str = ""


SHARE = 0.7
_OPEN = "open loop: from the planned moment, at 70 % of what HAProxy did without a pause"

SCENARIOS = (
    Scenario("tiny", "Tiny answers, keep-alive", {}),
    Scenario("fields", "Tiny answers, the same fields", {},
             "HAProxy and nginx write all the fields that faststicky writes by default, not X-Forwarded-For alone", fields=True),
    Scenario("1k", "1 KiB answers, keep-alive", {"paths": ("/1k",)}),
    Scenario("100k", "100 KiB answers", {"paths": ("/100k",)}),
    Scenario("10m", "10 MiB answers", {"paths": ("/10m",), "connections": 8, "timeout": 30.0}),
    Scenario("upload", "100 KiB uploads", {"method": "POST", "body": b"x" * 102_400}),
    Scenario("close", "A connection for each request", {"close_ratio": 1.0}),
    Scenario("websocket", "WebSocket messages", {"websocket": True, "body": b"x" * 32}, "32 bytes, echoed"),
    Scenario(
        "latency", "Latency at 3,000 requests a second", {"rate": 3000.0}, "open loop: from the planned moment"
    ),
    Scenario("log", "Tiny answers, access log on", {}, "one line a request, to a file", log=True, only_sticky=True),
    Scenario("backends", "10,000 backends", {}, "64 users", backends=10_000, only_sticky=True),
    Scenario("swap", "The table changes every second", {}, "configuration written anew, 100 backends", backends=100,
             swap=True, only_sticky=True),
    Scenario("workers", "Two workers", {"connections": 128}, "on both CPUs, with the load: only CPU time counts",
             workers=2, only_sticky=True),
    Scenario("busy", "Latency at 70 % of HAProxy's throughput", {}, _OPEN, share_of="tiny"),
    Scenario("busy-log", "Latency at 70 %, access log on", {}, _OPEN, log=True, only_sticky=True, share_of="log"),
    Scenario("busy-swap", "Latency at 70 %, the table changes every second", {}, f"{_OPEN}; HAProxy and nginx keep their table",
             backends=100, swap=True, only_sticky=True, share_of="tiny"),
)  # fmt: skip
IDLE = "idle"
QUICK = ("tiny", "100k", "close", "websocket", IDLE)
