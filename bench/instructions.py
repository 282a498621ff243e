"""Instructions that a proxied request takes, by function: `python bench/instructions.py [--requests N]`.

Runs a relay on its event loop under valgrind's callgrind, and divides what each function of the compiled core used, with
all that it called, by the number of requests. Instructions do not depend on what else the machine does; those of the
kernel are not among them. Functions that also run at the start (imports) show up with --all.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FUNCTIONS = (
    ("bytes from the client, all in all", "_relay", r"6Client_received$"),
    ("its head parsed", "_h1", r"_h1_request$"),
    ("service found by host and path", "_table", r"find_service$"),
    ("decision: whose cookie it is", "_relay", r"Exchange_decide$"),
    ("its head rewritten", "_relay", r"_relay_build_request$"),
    ("written to the backend", "_relay", r"Exchange_attach$"),
    ("bytes from the backend, all in all", "_relay", r"10Connection_received$"),
    ("its head parsed", "_h1", r"_h1_response$"),
    ("its head rewritten", "_relay", r"_relay_build_answer$"),
    ("written to the client", "_relay", r"write_down$"),
    ("exchange finished, connection kept", "_relay", r"Exchange_finish$"),
)


async def drive(count: int) -> None:
    """A relay for `count` requests with a cookie, eight at a time. Backend and clients are other processes: not counted."""
    from faststicky.bench.child import Child
    from faststicky.bench.crew import run_plan
    from faststicky.bench.plan import Plan, Target
    from faststicky.bench.slices import total
    from faststicky.core import Relay
    from faststicky.model import BackendSpec, CookiePolicy, Matcher, Route, ServiceSpec, TableSpec
    from faststicky.settings import RelayOptions

    loop = asyncio.get_running_loop()
    with Child("faststicky.bench.backend", "b1") as backend:
        port = int(backend.first_line())
        value = "00112233445566778899aabbccddeeff"
        one = BackendSpec(id="1", name="b1", host="127.0.0.1", port=port, weight=1, state="up", cookie_value=value)
        service = ServiceSpec(
            name="web", backends=(one,), lookup=((value[:16], 0, "task"),), cookie=CookiePolicy(name="stick"),
            pass_host_header=True,
        )  # fmt: skip
        rule = ((Matcher("path_prefix", ("/",)),),)
        route = Route(name="r", rule="PathPrefix(`/`)", service="web", priority=1, alternatives=rule)
        relay = Relay(loop, RelayOptions())
        relay.publish(TableSpec(generation=1, services=(service,), routes=(route,)))
        front = await loop.create_server(relay.client, "127.0.0.1", 0)
        target = Target.parse(f"http://127.0.0.1:{front.sockets[0].getsockname()[1]}/")
        cookie = ("Cookie", f"theme=dark; lang=en; stick={value}")
        plan = Plan(
            target=target, headers=(("Accept", "*/*"), cookie), connections=8, requests=count, duration=0, warm_up=0,
            timeout=600, identify="nothing",
        )  # fmt: skip
        slices = await asyncio.to_thread(run_plan, plan, 1)
        assert total(slices).answers[2] == count
        front.close()
        relay.close()
        await asyncio.sleep(0.05)


def measure(count: int) -> tuple[dict[str, float], int]:
    """Instructions a request by function name, callees included; and all that the process used."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "callgrind.out")
        command = [sys.executable, __file__, "--drive", str(count)]
        # The seed, for every run to hash alike: imports take a million more or less with another one
        environment = {"PYTHONHASHSEED": "0", "PYTHONMALLOC": "malloc", "PATH": "/usr/bin:/bin"}
        environment["PYTHONPATH"] = ":".join(sys.path[1:])
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet", *command],
            check=True, env=environment,
        )  # fmt: skip
        text = subprocess.run(
            ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    found: dict[str, float] = {}
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+) \([^)]*\)\s+\S*?:(\S+)(?: \[(.*)\])?", line)
        if match and "faststicky" in (match[3] or ""):
            name = f"{Path(match[3]).name.partition('.')[0]}:{match[2].partition(chr(39))[0]}"
            found[name] = max(found.get(name, 0.0), int(match[1].replace(",", "")) / count)
    total = re.search(r"^([\d,]+) .*PROGRAM TOTALS", text, re.MULTILINE)
    assert total is not None
    return found, int(total[1].replace(",", ""))


def main() -> int:
    """See --help."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--drive", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--all", action="store_true", help="every function of the core, by falling cost")
    given = parser.parse_args()
    if given.drive:
        import uvloop

        uvloop.run(drive(given.drive))
        return 0
    measure(1)  # what only the first run does, such as compiling modules, is counted for nobody
    found, total = measure(given.requests)
    print("| step | instructions a request |\n| --- | --- |")
    if given.all:
        for name, each in sorted(found.items(), key=lambda item: -item[1])[:60]:
            print(f"| `{name}` | {each:,.0f} |")
        return 0
    for title, module, pattern in FUNCTIONS:
        each = [v for name, v in found.items() if name.startswith(f"{module}:") and re.search(pattern, name)]
        if each:
            print(f"| {title} | {max(each):,.0f} |")
    more = measure(3 * given.requests)[1]  # what starting and ending take is the same in both
    print(f"| user space, with uvloop, libc and the interpreter | {(more - total) / (2 * given.requests):,.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
