"""The file's shape: its own example is a file that works."""

from __future__ import annotations

import re
import textwrap

from faststicky.discovery import file_schema
from faststicky.discovery.file import read


def test_the_documented_example_works():
    example = textwrap.dedent(file_schema.__doc__.partition("\n\n")[2])
    example = re.sub(
        r",\n\s+same_site", ", same_site", example
    )  # broken for the page: TOML keeps inline tables on one line
    snapshot, names = read(example.encode(), "file example.toml")
    assert names == {"web": (("tasks.web", 8000),)}
    (service,) = snapshot.services
    assert [(b.name, b.weight) for b in service.backends] == [("10.0.0.5:8000", 1), ("b", 2)]
    assert service.health is not None
    assert (service.health.interval, service.health.status) == (5.0, ((200, 399),))
    assert service.cookie is not None
    assert service.cookie.max_age == 8 * 3600
    assert snapshot.routes[0].priority == 10
    assert snapshot.warnings == ()
