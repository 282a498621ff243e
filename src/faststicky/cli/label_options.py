"""Options that say how the labels of a Swarm's services are read: of `run` and of `check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from faststicky.cli.sections import SectionOption
from faststicky.labels.reading import LabelDefaults

SECTION = "Reading the Swarm"


def label_options() -> list[SectionOption]:
    """For both: whoever checks labels has to read them as the proxy does."""
    return [
        SectionOption(["--docker-endpoint"], default="unix:///var/run/docker.sock", metavar="URL", section=SECTION,
                      help="The Docker API of a manager."),
        SectionOption(["--network"], default="", metavar="NAME", section=SECTION, show_default=False,
                      help="Overlay network on which tasks are reached, unless a label names one."),
        SectionOption(["--domain"], default="", metavar="NAME", section=SECTION, show_default=False,
                      help="A service without a rule is routed by the host SERVICE.NAME."),
        SectionOption(["--traefik-provider"], default="swarm", section=SECTION,
                      type=click.Choice(["docker", "swarm"], case_sensitive=False),
                      help="Whose default cookie names stay: Traefik 2's (docker) or Traefik 3's (swarm)."),
        SectionOption(["--exposed-by-default/--no-exposed-by-default"], default=True, section=SECTION,
                      help="Route services that have labels, but none that enables them."),
    ]  # fmt: skip


def label_defaults(values: Mapping[str, Any]) -> LabelDefaults:
    """From the parsed options."""
    return LabelDefaults(
        exposed_by_default=values["exposed_by_default"],
        network=values["network"],
        domain=values["domain"],
        traefik_provider=values["traefik_provider"],
    )
