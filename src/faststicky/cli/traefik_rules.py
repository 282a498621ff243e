"""What each argument of Traefik means for faststicky: translated, already so, ignored for a reason, or refused.

Refused is what kept people out: to ignore it would publish what was not public. Sources: Traefik 1.7.34
`cmd/configuration.go` and `configuration/*.go`; 2.11 and 3.7 `pkg/config/static`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from faststicky.cli.traefik_entrypoints import parse_v1
from faststicky.cli.traefik_reading import Reading, Rule
from faststicky.cli.traefik_values import attempts, duration, idle_connections, log_level, truth
from faststicky.quantities import format_duration, parse_duration

ALL_NETWORKS = ("0.0.0.0/0", "::/0")


def _docker(reading: Reading, key: str, value: str) -> None:
    on = truth(value)
    reading.docker = reading.docker or on
    reading.swarm_mode = reading.swarm_mode or (on and key == "providers.swarm")


def _docker_endpoint(reading: Reading, key: str, value: str) -> None:
    reading.docker = True
    reading.swarm_mode = reading.swarm_mode or key.startswith("providers.swarm")
    reading.values["--docker-endpoint"] = [value]


def _swarm_mode(reading: Reading, _key: str, value: str) -> None:
    reading.docker = True
    reading.swarm_mode = truth(value)


def _exposed(reading: Reading, _key: str, value: str) -> None:
    reading.values["--exposed-by-default" if truth(value) else "--no-exposed-by-default"] = []


def _default_rule(reading: Reading, _key: str, value: str) -> None:
    """A template; the usual ones are the service's name, alone or below a domain."""
    found = _DEFAULT_RULE.fullmatch(value.strip())
    if found is None:
        reading.note("only Host(`{{ normalize .Name }}.DOMAIN`) is understood; give such services a rule of their own")
        return
    if found["how"] != "normalize":
        reading.note("stack_web gets the host stack-web, as with {{ normalize .Name }}")
    if found["domain"]:
        reading.values["--domain"] = [found["domain"]]


def _page(reading: Reading, key: str, value: str) -> None:
    """Traefik 1 opens :8080 for any of these; Traefik 2 and 3 only for the insecure API and for ping."""
    if not truth(value):
        return
    if reading.version > 1 and key not in ("api.insecure", "ping"):
        reading.note("the page stays on 127.0.0.1:8080; --web opens it to other machines")
    else:
        reading.page = True


def _page_address(reading: Reading, _key: str, value: str) -> None:
    reading.entry_point("traefik").address = value


def _access_log(reading: Reading, _key: str, value: str) -> None:
    if truth(value):
        reading.values.setdefault("--access-log", ["traefik"])


def _access_log_format(reading: Reading, _key: str, value: str) -> None:
    reading.values["--access-log"] = ["json" if value.lower() == "json" else "traefik"]


def _access_log_file(reading: Reading, _key: str, value: str) -> None:
    reading.values.setdefault("--access-log", ["traefik"])
    reading.values["--access-log-file"] = [value]


def _debug(reading: Reading, _key: str, value: str) -> None:
    if truth(value):
        reading.values["--log-level"] = ["debug"]


def _entry_point_v1(reading: Reading, _key: str, value: str) -> None:
    point, ignored = parse_v1(value)
    reading.entry_points[point.name.lower()] = point
    if point.trusted:
        _trusted(reading, "", ",".join(point.trusted))
    _trust_all(reading, "", str(point.trust_all))
    for option in ignored:
        reading.note(f"{option} of entry point {point.name} has no counterpart")


def _entry_point_address(reading: Reading, key: str, value: str) -> None:
    address, _, protocol = value.partition("/")
    point = reading.entry_point(key.split(".")[1])
    point.address, point.udp = address, protocol.lower() == "udp"


def _entry_point_tls(reading: Reading, key: str, value: str) -> None:
    if value.lower() != "false":
        reading.entry_point(key.split(".")[1]).tls = True


def _trusted(reading: Reading, _key: str, value: str) -> None:
    networks = reading.values.setdefault("--trusted-proxies", [])
    networks += [network.strip() for network in value.split(",") if network.strip() and network.strip() not in networks]


def _trust_all(reading: Reading, _key: str, value: str) -> None:
    if truth(value):
        reading.values["--trusted-proxies"] = list(ALL_NETWORKS)


def _longest(option: str) -> Callable[[Reading, str, str], None]:
    """Entry points have one each, faststicky has one for all: the longest, so that nobody is cut short."""

    def apply(reading: Reading, _key: str, value: str) -> None:
        seconds = max(parse_duration(value), *(parse_duration(old) for old in reading.values.get(option, ["0"])), 0.0)
        reading.values[option] = [format_duration(seconds)]

    return apply


_CONSTRAINTS = "leave it out, start with --no-exposed-by-default and label the services with faststicky.enable=true"
_DEFAULT_RULE = re.compile(
    r"Host\([`\"']\{\{-?\s*(?P<how>normalize|trimPrefix\s+[`\"']/[`\"'])?\s*\.Name\s*-?\}\}(\.(?P<domain>[A-Za-z0-9.-]+))?[`\"']\)"
)
_DOCKER = r"(providers\.)?(docker|swarm)"
_POINT = r"entrypoints\.[^.]+"

RULES: tuple[Rule, ...] = (
    # where services are found
    Rule(pattern=r"docker|providers\.(docker|swarm)", switch=True, apply=_docker),
    Rule(pattern=rf"{_DOCKER}\.endpoint", apply=_docker_endpoint),
    Rule(pattern=rf"{_DOCKER}\.swarmmode", switch=True, apply=_swarm_mode),
    Rule(pattern=rf"{_DOCKER}\.watch", switch=True, reason="the Swarm is always watched", as_it_is="true"),
    Rule(pattern=rf"{_DOCKER}\.(swarmmode)?refreshseconds", reason="changes are seen within a second anyway"),
    Rule(pattern=rf"{_DOCKER}\.network", option="--network"),
    Rule(pattern=rf"({_DOCKER}\.)?domain", option="--domain"),
    Rule(pattern=rf"{_DOCKER}\.defaultrule", apply=_default_rule),
    Rule(pattern=rf"{_DOCKER}\.exposedbydefault", switch=True, apply=_exposed),
    Rule(pattern=rf"({_DOCKER}\.)?constraints", refused=_CONSTRAINTS),
    Rule(
        pattern=rf"{_DOCKER}\.usebindportip", switch=True, reason="tasks are reached on the overlay", as_it_is="false"
    ),
    Rule(pattern=rf"{_DOCKER}\.allowemptyservices", switch=True, reason="a service without tasks keeps its route"),
    Rule(pattern=rf"{_DOCKER}\.(filename|templateversion|debugloggeneratedtemplate|trace)", switch=True,
         reason="there are no templates"),
    Rule(pattern=rf"{_DOCKER}\.httpclienttimeout", reason="the source has deadlines of its own"),
    Rule(pattern=r"(providers\.)?providersthrottleduration", reason="tables are swapped without cost"),
    Rule(pattern=r"(providers\.)?(file|rest|kubernetes\w*|consul\w*|nomad|ecs|etcd\w*|zookeeper|redis|http|plugin|marathon|"
         r"mesos|rancher|eureka|boltdb|dynamodb|servicefabric)(\..+)?", switch=True,
         reason="services come from a Swarm, --backend or --config"),
    Rule(pattern=r"configfile|c", reason="Traefik's configuration file is not read"),
    # where it listens
    Rule(pattern=r"entrypoints", apply=_entry_point_v1),
    Rule(pattern=rf"{_POINT}\.address", apply=_entry_point_address),
    Rule(pattern=rf"{_POINT}\.http\.tls(\..+)?", switch=True, apply=_entry_point_tls),
    Rule(pattern=rf"{_POINT}\.http\.redirections\..+", switch=True, reason="faststicky does not redirect"),
    Rule(pattern=rf"{_POINT}\.http\.middlewares", refused="leave it out if no middleware restricts access"),
    Rule(pattern=rf"{_POINT}\.http\.maxheaderbytes", option="--max-head"),
    Rule(pattern=rf"{_POINT}\.forwardedheaders\.trustedips", apply=_trusted),
    Rule(pattern=rf"{_POINT}\.forwardedheaders\.insecure", switch=True, apply=_trust_all),
    Rule(pattern=rf"{_POINT}\.proxyprotocol(\..+)?", switch=True, reason="the PROXY protocol is not understood"),
    Rule(pattern=rf"{_POINT}\.(reuseport|asdefault)", switch=True, reason="every address serves every route"),
    Rule(pattern=r"defaultentrypoints", reason="every address serves every route"),
    Rule(pattern=rf"{_POINT}\.transport\.keepalivemaxrequests", option="--max-requests-per-connection"),
    # the page
    Rule(pattern=r"web|api|api\.insecure|api\.dashboard|ping", switch=True, apply=_page),
    Rule(pattern=r"web\.address", apply=_page_address),
    Rule(pattern=r"(web|api|ping|rest)\.(.+)", switch=True, reason="the page has no such setting"),
    # deadlines and limits
    Rule(pattern=rf"(lifecycle|{_POINT}\.transport\.lifecycle)\.gracetimeout", apply=_longest("--grace")),
    Rule(pattern=rf"(lifecycle|{_POINT}\.transport\.lifecycle)\.requestacceptgracetimeout",
         reason="when it is stopped it closes its listeners at once"),
    Rule(pattern=rf"(respondingtimeouts|{_POINT}\.transport\.respondingtimeouts)\.idletimeout",
         option="--keepalive-timeout", convert=duration),
    Rule(pattern=rf"(respondingtimeouts|{_POINT}\.transport\.respondingtimeouts)\.readtimeout",
         option="--head-timeout", convert=duration),
    Rule(pattern=rf"(respondingtimeouts|{_POINT}\.transport\.respondingtimeouts)\.writetimeout",
         option="--write-timeout", convert=duration),
    Rule(pattern=r"(serverstransport\.)?forwardingtimeouts\.dialtimeout", option="--connect-timeout", convert=duration),
    Rule(pattern=r"(serverstransport\.)?forwardingtimeouts\.responseheadertimeout", option="--response-timeout",
         convert=duration),
    Rule(pattern=r"(serverstransport\.)?forwardingtimeouts\.idleconntimeout", option="--pool-idle", convert=duration),
    Rule(pattern=r"(serverstransport\.)?maxidleconnsperhost", option="--pool-size", convert=idle_connections),
    Rule(pattern=r"retry", switch=True, reason="another backend is always tried (--retries)", as_it_is="true"),
    Rule(pattern=r"retry\.attempts", option="--retries", convert=attempts),
    Rule(pattern=r"(serverstransport\.)?(insecureskipverify|rootcas)(\..+)?", switch=True,
         reason="backends are reached by plain HTTP"),
    Rule(pattern=r"serverstransport\..+", switch=True, reason="backends are reached by plain HTTP"),
    # the log
    Rule(pattern=r"loglevel|log\.level|l", option="--log-level", convert=log_level),
    Rule(pattern=r"debug|d", switch=True, apply=_debug),
    Rule(pattern=r"(traefiklog|log)\.format|traefiklogs?format", option="--log-format",
         convert=lambda value: "json" if value.lower() == "json" else "text"),
    Rule(pattern=r"(traefiklog|log)\.(.+)|traefiklogsfile|log|traefiklog", switch=True,
         reason="the log goes to standard error"),
    Rule(pattern=r"accesslog", switch=True, apply=_access_log),
    Rule(pattern=r"accesslog\.format", apply=_access_log_format),
    Rule(pattern=r"accesslog\.filepath|accesslogsfile", apply=_access_log_file),
    Rule(pattern=r"accesslog\.(.+)", switch=True, reason="the access log has no such setting"),
    # what else Traefik has
    Rule(pattern=r"(metrics|tracing|statistics)(\..+)?", switch=True, reason="numbers are at /api/stats of the page"),
    Rule(pattern=r"(acme|certificatesresolvers|ocsp|spiffe|tcpserverstransport|hub)(\..+)?", switch=True,
         reason="faststicky does not terminate TLS"),
    Rule(pattern=r"(global(\..+)?|checknewversion|sendanonymoususage|pilot(\..+)?|g)", switch=True,
         reason="nothing is reported to anybody"),
    Rule(pattern=r"keeptrailingslash", switch=True, reason="a path is never rewritten", as_it_is="true"),
    Rule(pattern=r"allowminweightzero", switch=True, reason="weights mean what the labels say"),
    Rule(pattern=r"healthcheck(\..+)?", switch=True,
         reason="each service says it itself: traefik.backend.healthcheck.interval"),
    Rule(pattern=r"(hostresolver|experimental|core|cluster)(\..+)?", switch=True,
         reason="it has no counterpart"),
    Rule(pattern=r"socket|gracetimeout|profilerenabled", switch=True, reason="it has no counterpart"),
    Rule(pattern=rf"{_POINT}\.(http2|http3|udp|observability|http\.(encodequerysemicolons|sanitizepath|encodedcharacters)|"
         r"transport\.keepalivemaxtime|allowacmebypass)(\..+)?", switch=True,
         reason="entry points have no such setting"),
    Rule(pattern=rf"{_DOCKER}\.(tls\..+|username|password|allownonrunning)", switch=True,
         reason="the Swarm source has no such setting"),
)  # fmt: skip

_COMPILED = [(re.compile(rule.pattern), rule) for rule in RULES]


def rule_for(key: str) -> Rule | None:
    """The first rule whose pattern is the whole of `key`."""
    return next((rule for pattern, rule in _COMPILED if pattern.fullmatch(key)), None)


def rule_names() -> tuple[str, ...]:
    """Arguments worth suggesting."""
    return (
        "docker", "docker.endpoint", "docker.swarmmode", "docker.watch", "docker.network", "docker.exposedbydefault",
        "providers.docker", "providers.docker.swarmmode", "providers.docker.endpoint", "providers.docker.network",
        "providers.swarm", "providers.swarm.endpoint", "providers.swarm.network", "providers.swarm.exposedbydefault",
        "entrypoints", "entrypoints.web.address", "web", "api", "api.insecure", "ping", "loglevel", "log.level",
        "respondingtimeouts.idletimeout", "respondingtimeouts.readtimeout", "forwardingtimeouts.dialtimeout",
        "lifecycle.gracetimeout", "retry.attempts", "maxidleconnsperhost", "accesslog", "metrics.prometheus",
    )  # fmt: skip
