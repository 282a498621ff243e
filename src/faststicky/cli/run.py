"""`faststicky run`: the proxy."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click

from faststicky.address import Address
from faststicky.cli.label_options import label_options
from faststicky.cli.parameters import DURATION, WORKERS, AddressType
from faststicky.cli.relay_options import LOGS, relay_options, relay_settings
from faststicky.cli.sections import SectionedCommand, SectionOption, own_options
from faststicky.cli.traefik_arguments import translate
from faststicky.errors import ConfigError
from faststicky.serve.cpus import usable_cpus
from faststicky.serve.state_dir import state_dir
from faststicky.settings import RunOptions

NOTES = "faststicky.notes"  # key in the context: what the translation of Traefik's arguments has to tell
WEB = Address("0.0.0.0", 8080)  # noqa: S104

SOURCES = "give --swarm, --backend URL, --dns NAME:PORT, --config FILE.toml or --feed HOST:PORT"


class RunCommand(SectionedCommand):
    """Understands Traefik's arguments beside its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        translation = translate(args, own_options(self.get_params(ctx)))
        ctx.meta[NOTES] = translation.notes
        return super().parse_args(ctx, list(translation.args))


def _options() -> Sequence[click.Option]:
    where, serving, self_ = "Where backends are found (one of them)", "Serving", "The process"
    option = SectionOption
    return [
        option(["--swarm"], is_flag=True, section=where, show_default=False,
               help="Services of the Docker Swarm, by their labels. The default if there is a Docker socket."),
        option(["--backend", "backends"], multiple=True, metavar="URL", section=where, envvar="FASTSTICKY_BACKEND",
               help="A fixed backend, such as http://10.0.0.5:8000 (repeatable): one sticky service on /."),
        option(["--dns"], multiple=True, metavar="NAME:PORT", section=where,
               help="The addresses of a name, asked for every second, such as tasks.web:8000 (repeatable): one sticky "
                    "service on /. A name without a dot is tried as tasks.NAME first."),
        option(["--config"], default="", metavar="FILE", section=where, show_default=False,
               help="Services and routes from a TOML file, read again when it changes."),
        option(["--feed"], multiple=True, metavar="HOST:PORT", section=where,
               help="Another faststicky with --feed-listen, such as tasks.proxy:7070 (repeatable): what it knows is "
                    "followed. Both need the same secret faststicky_key, or --key-file."),
        *label_options(),
        option(["--listen"], multiple=True, type=AddressType("off"), default=("0.0.0.0:80",), section=serving,
               help="Where clients come in (repeatable); [::]:80 for IPv6, port 0 for any free one; off for no clients "
                    "and no workers, but followers only."),
        option(["--feed-listen"], type=AddressType("off"), default="off", section=serving,
               help="Where faststickys without access to the Swarm follow this one. With --swarm on every node, those "
                    "on workers find those on managers by themselves."),
        option(["--admin"], type=AddressType("off"), default="127.0.0.1:8080", section=serving,
               help="The page, its API and health checks; off for none."),
        option(["--web"], is_flag=True, section=serving, show_default=False,
               help="The same as --admin 0.0.0.0:8080: open to other machines."),
        option(["--admin-host", "admin_hosts"], multiple=True, metavar="NAME", section=serving,
               envvar="FASTSTICKY_ADMIN_HOST",
               help="Host name by which the page may be called, besides addresses (repeatable)."),
        option(["--admin-token-file"], default="", metavar="FILE", section=serving, show_default=False,
               help="Draining tasks through the page and its API needs this file's content as a bearer token. Without "
                    "one it can be done from this machine only."),
        option(["--ready-max-age"], type=DURATION, default="0", section=serving,
               help="/ready says no when the source last answered longer ago than this."),
        option(["--workers"], type=WORKERS, default="auto", section=serving,
               help="Worker processes; auto: one for each CPU that this process may use."),
        option(["--grace"], type=DURATION, default="10s", section=serving,
               help="When stopping: how long requests under way may take."),
        *relay_options(),
        option(["--state-dir"], default="", metavar="DIR", section=self_, show_default=False,
               help="Keeps the last table and the key. Default: /var/lib/faststicky if writable, else under the "
                    "user's XDG state directory, else a private temporary one."),
        option(["--key-file"], default="", metavar="FILE", section=self_, show_default=False,
               help="The cookies' key, 16 bytes or more, the same for all proxies (FILE_previous: the one before). "
                    "Default: the Docker secret faststicky_key."),
        option(["--ready-file"], default="", metavar="FILE", section=self_, show_default=False,
               help="Written when clients are served, with process ID and real addresses (JSON); removed at the end."),
        option(["--log-level"], type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
               default="info", section=LOGS, help="What is logged, to standard error."),
        option(["--log-format"], type=click.Choice(["auto", "text", "json"]), default="auto", section=LOGS,
               help="auto: text on a terminal, one JSON object a line otherwise."),
        option(["--access-log-file"], default="", metavar="FILE", section=LOGS, show_default=False,
               help="Where access lines go; default: standard output. SIGUSR1 opens it again after it was renamed."),
        option(["--stats-interval"], type=DURATION, default="10s", section=LOGS,
               help="Between two sets of statistics lines on standard output; 0 for none."),
    ]  # fmt: skip


def settings(values: dict[str, Any], notes: tuple[str, ...] = ()) -> RunOptions:
    """From parsed options. Raises ConfigError when no source, or more than one, is given."""
    sources = [name for name, given in (("--swarm", values["swarm"]), ("--backend", values["backends"]),
                                        ("--dns", values["dns"]), ("--config", values["config"]),
                                        ("--feed", values["feed"])) if given]  # fmt: skip
    if len(sources) > 1:
        raise ConfigError(f"{' and '.join(sources)} do not go together", where="command line", remedy="choose one")
    swarm = values["swarm"]
    if not sources:
        swarm = is_docker_there(values["docker_endpoint"])
        if not swarm:
            raise ConfigError(
                f"nothing says where backends are, and there is no Docker socket at {values['docker_endpoint']}",
                where="command line",
                remedy=SOURCES,
            )
    admin = WEB if values["web"] else values["admin"]
    feed_listen = values["feed_listen"]
    listen = _listen(values["listen"], feed_listen)
    if values["feed"] and isinstance(feed_listen, Address):
        remedy = "a follower has no followers: take one of them away"
        raise ConfigError("--feed and --feed-listen do not go together", where="command line", remedy=remedy)
    return RunOptions(
        listen=listen,
        admin=admin if isinstance(admin, Address) else None,
        admin_hosts=tuple(values["admin_hosts"]),
        workers=(values["workers"] or usable_cpus()) if listen else 0,
        swarm=swarm,
        docker_endpoint=values["docker_endpoint"],
        network=values["network"],
        domain=values["domain"],
        exposed_by_default=values["exposed_by_default"],
        traefik_provider=values["traefik_provider"],
        backends=tuple(values["backends"]),
        dns=tuple(values["dns"]),
        config=values["config"],
        feed=tuple(values["feed"]),
        feed_listen=feed_listen if isinstance(feed_listen, Address) else None,
        key_file=values["key_file"],
        state_dir=str(state_dir(values["state_dir"])),
        log_level=values["log_level"].lower(),
        log_format=values["log_format"],
        grace=values["grace"],
        ready_file=values["ready_file"],
        access_log_file=values["access_log_file"],
        stats_interval=values["stats_interval"],
        admin_token_file=values["admin_token_file"],
        ready_max_age=values["ready_max_age"],
        relay=relay_settings(values),
        notes=notes,
    )


def _listen(given: Sequence[Address | str], feed_listen: Address | str) -> tuple[Address, ...]:
    """Raises ConfigError when nobody at all could come."""
    addresses = tuple(one for one in given if isinstance(one, Address))
    if len(addresses) < len(given) and addresses:
        raise ConfigError("off and an address do not go together", where="--listen", remedy="give one of the two")
    if not addresses and not isinstance(feed_listen, Address):
        remedy = "give it --feed-listen, or an address"
        raise ConfigError("off, and nobody can follow this proxy either", where="--listen", remedy=remedy)
    return addresses


def is_docker_there(endpoint: str) -> bool:
    """True if the endpoint is a unix socket that exists; a TCP endpoint has to be asked for with --swarm."""
    path = Path(endpoint.removeprefix("unix://"))
    try:
        return endpoint.startswith("unix://") and stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def _run(**values: Any) -> None:
    from faststicky.serve.supervisor import serve  # what it needs is not needed for --help

    ctx = click.get_current_context()
    serve(settings(values, cast("tuple[str, ...]", ctx.meta.get(NOTES, ()))))


run = RunCommand(
    "run",
    callback=_run,
    params=list(_options()),
    help="""The proxy: one supervisor and its workers, until SIGTERM or SIGINT (a second one ends it at once).

    SIGHUP looks at the source of backends now. Durations are written 10s, 250ms, 2m; sizes 64k, 10m; 0 switches a
    limit off. Every option can be given as an environment variable. Arguments of Traefik 1.7, 2 and 3 are understood
    where they have a meaning; what is ignored is said once in the log.
    """,
    short_help="The proxy.",
    epilog="Exit codes: 0 stopped in good order, 1 failed while running, 2 wrong options or configuration.",
)
