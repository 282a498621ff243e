"""`faststicky bench`: throughput, latency and affinity."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from faststicky.cli.parameters import DURATION
from faststicky.cli.sections import SectionedCommand, SectionOption
from faststicky.errors import ConfigError
from faststicky.quantities import parse_size

if TYPE_CHECKING:
    from faststicky.bench.plan import Plan
    from faststicky.bench.session import Order

SELF = "http://127.0.0.1/"  # replaced by where the proxy really listens


def _options() -> list[click.Parameter]:
    what, load, users = "What is asked", "Load", "Users and affinity"
    many, out = "Several targets, something in the middle", "Output"

    def option(flags: list[str], section: str, **kwargs: Any) -> SectionOption:
        name = next(flag for flag in (*flags[1:], flags[0]) if not flag.startswith("-") or flag is flags[0])
        return SectionOption(
            flags, section=section, envvar=f"FASTSTICKY_BENCH_{name.lstrip('-').replace('-', '_').upper()}", **kwargs
        )

    return [
        click.Argument(["url"], required=False),
        option(["--method"], what, default="", show_default=False, help="Default: GET, or POST with --body."),
        option(["--path", "paths"], what, multiple=True, metavar="PATH", help="Asked in turn (repeatable)."),
        option(["--header", "headers"], what, multiple=True, metavar="'NAME: VALUE'", help="A field (repeatable)."),
        option(["--body"], what, default="", metavar="FILE|@SIZE", show_default=False,
               help="What is sent: a file's content, or so many bytes (@64k). Of WebSocket messages: their payload."),
        option(["--websocket"], what, is_flag=True, show_default=False,
               help="Messages and their echoes on WebSockets, in place of requests."),
        option(["--insecure"], what, is_flag=True, show_default=False, help="Do not check the server's certificate."),
        option(["--connections"], load, type=click.IntRange(1, 1_000_000), default=64, help="Open at the same time."),
        option(["--rate"], load, type=click.FloatRange(0, 10_000_000), default=0.0, metavar="N", show_default=False,
               help="Open loop: so many requests a second, whatever the answers do; latency counts from the moment at "
                    "which a request was to be sent. Without it, every connection asks again when it is answered."),
        option(["--duration"], load, type=DURATION, default="10s", help="Of the counted part."),
        option(["--requests"], load, type=click.IntRange(0), default=0, show_default=False,
               help="So many in all, in place of a duration; without warm-up."),
        option(["--warm-up"], load, type=DURATION, default="1s", help="At first, not counted."),
        option(["--timeout"], load, type=DURATION, default="10s", help="For a connection, and for an answer."),
        option(["--pipeline", "depth"], load, type=click.IntRange(1, 1024), default=1,
               help="Requests or messages under way on one connection."),
        option(["--close", "close_"], load, is_flag=True, show_default=False, help="A connection for each request."),
        option(["--close-ratio"], load, type=click.FloatRange(0, 1), default=0.0, show_default=False,
               help="Share of requests behind which the connection is closed."),
        option(["--processes"], load, type=click.IntRange(1, 256), default=1, help="Load generator processes."),
        option(["--sessions"], users, type=click.IntRange(0, 10_000_000), default=None, metavar="N",
               show_default=False, help="Users, each with a cookie jar. Default: one a connection; 0: no cookies."),
        option(["--identify"], users, default="cookie", metavar="HOW",
               help="What tells backends apart: body, header:NAME, cookie (a new one means: moved), cookie:NAME, "
                    "nothing."),
        option(["--compare"], many, multiple=True, metavar="URL",
               help="Another target, in turn with the first (repeatable)."),
        option(["--rounds"], many, type=click.IntRange(1, 1000), default=3, help="Of --compare."),
        option(["--during"], many, default="", metavar="COMMAND", show_default=False,
               help="A shell command, run after a third of the time; says what it cost."),
        option(["--self", "self_"], many, is_flag=True, show_default=False,
               help="Start built-in backends and the proxy on loopback, and measure them."),
        option(["--backends"], many, type=click.IntRange(1, 100), default=3, help="Of --self."),
        option(["--workers"], many, type=click.IntRange(1, 256), default=1, help="Of --self."),
        option(["--json", "as_json"], out, is_flag=True, show_default=False, help="JSON to standard output."),
        option(["--hdr"], out, default="", metavar="FILE", show_default=False, help="Write an HdrHistogram log."),
        option(["--picture"], out, default="", metavar="FILE", show_default=False,
               help="Draw latencies, .png or .svg; needs faststicky[plot]."),
        option(["--plot"], out, is_flag=True, show_default=False, help="Draw latencies in the terminal."),
        option(["--fail-on-errors"], out, is_flag=True, show_default=False, help="Exit code 3 if a request failed."),
    ]  # fmt: skip


def order(values: dict[str, Any]) -> Order:
    """From parsed options. Raises ConfigError."""
    from faststicky.bench.session import Order

    return Order(
        plan=plan(values),
        processes=min(values["processes"], values["connections"]),
        compare=tuple(values["compare"]),
        rounds=values["rounds"],
        during=values["during"],
        as_json=values["as_json"],
        hdr=values["hdr"],
        picture=values["picture"],
        plot=values["plot"],
        fail_on_errors=values["fail_on_errors"],
    )


def plan(values: dict[str, Any]) -> Plan:
    """What is asked, and how fast. Raises ConfigError."""
    from faststicky.bench.plan import Plan, Target

    if not values["url"] and not values["self_"]:
        raise ConfigError("nothing says what to measure", where="command line", remedy="give a URL or --self")
    if values["url"] and values["self_"]:
        raise ConfigError("--self measures its own proxy, not a URL", where="command line", remedy="choose one")
    content = body(values["body"]) if values["body"] or not values["websocket"] else bytes(32)
    sessions = values["connections"] if values["sessions"] is None else values["sessions"]
    how, _, wanted = values["identify"].partition(":")
    if how not in ("body", "header", "cookie", "nothing") or (how == "header") > bool(wanted):
        raise ConfigError(
            f"{values['identify']!r} identifies no backend",
            where="--identify",
            remedy="give body, header:NAME, cookie, cookie:NAME or nothing",
        )
    for path in values["paths"]:
        if not path.startswith("/") or not path.isascii() or any(c <= " " for c in path):
            raise ConfigError(f"{path!r} is no path", where="--path", remedy="begin with /, encode with %")
    return Plan(
        target=Target.parse(values["url"] or SELF),
        method=(values["method"] or ("POST" if content and not values["websocket"] else "GET")).upper(),
        paths=tuple(values["paths"]),
        headers=tuple(header(each) for each in values["headers"]),
        body=content,
        connections=values["connections"],
        sessions=sessions,
        depth=values["depth"],
        rate=values["rate"],
        duration=0.0 if values["requests"] else values["duration"],
        requests=values["requests"],
        warm_up=0.0 if values["requests"] else values["warm_up"],
        timeout=values["timeout"],
        close_ratio=1.0 if values["close_"] else values["close_ratio"],
        websocket=values["websocket"],
        identify=how,
        wanted=wanted,
        insecure=values["insecure"],
    )


def header(text: str) -> tuple[str, str]:
    """Name and value. Raises ConfigError."""
    name, colon, value = text.partition(":")
    if not colon or not name or any(c in text for c in "\r\n") or any(c <= " " for c in name):
        raise ConfigError(f"{text!r} is no field", where="--header", remedy="write it as 'Name: value'")
    return name, value.strip()


def body(text: str) -> bytes:
    """A file's content, or @SIZE bytes. Raises ConfigError."""
    try:
        return b"x" * parse_size(text[1:]) if text.startswith("@") else Path(text).read_bytes() if text else b""
    except (ValueError, OSError) as error:
        raise ConfigError(str(error), where="--body", remedy="give a file, or a size as in @64k") from None


def _bench(**values: Any) -> None:
    from faststicky.bench.session import against_ourselves, carry_out

    if values["self_"]:
        sys.exit(against_ourselves(order(values), values["backends"], values["workers"]))
    sys.exit(carry_out(order(values)))


bench = SectionedCommand(
    "bench",
    callback=_bench,
    params=_options(),
    help="""Asks URL as fast as it answers, or at a fixed rate, and says how long answers take, what fails, and whether
    users stay on their backends.

    Errors are counted by kind: connect, reset (before the answer), short (in the middle of it), timeout, malformed,
    upgrade, and statuses 4xx and 5xx; an answer's latency counts whatever its status. Measure only what you run
    yourself, or may load: to whoever does not expect it, this is a flood.
    """,
    short_help="Throughput, latency and affinity of a URL.",
    epilog="Exit codes: 0 measured, 1 failed, 2 wrong options, 3 errors occurred and --fail-on-errors was given.",
)
