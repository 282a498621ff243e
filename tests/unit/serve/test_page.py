from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import msgspec

from faststicky.model import Backend, Service, Snapshot, Warning
from faststicky.serve.page import CONTENT_SECURITY_POLICY, page
from faststicky.serve.status import Status, WorkerStatus

HOSTILE = '<script>alert(1)</script>"&'

STATUS = Status(
    version="1.0",
    uptime=3661.0,
    listen=("127.0.0.1:80",),
    ready=True,
    generation=3,
    age=0.2,
    error="",
    snapshot=Snapshot(
        services=(
            Service(
                name="web", backends=(Backend(id="1", name="web.1@n1", host="10.0.0.5", port=80, state="leaving"),)
            ),
            Service(name="empty", backends=()),
        ),
        routes=(),
        source="flags",
    ),
    workers=(
        WorkerStatus(
            index=0, pid=7, uptime=1, ready=True, generation=3, counters={"requests": 1234}, live={"clients": 5}
        ),
    ),
    restarts=0,
    past_counters={},
)


class Elements(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data + "\n"


def test_it_shows_services_backends_and_workers():
    elements = Elements(page(STATUS))
    assert elements.open == []
    for text in (
        "web",
        "web.1@n1",
        "10.0.0.5:80",
        "leaving",
        "No backend",
        "No route.",
        "1,234",
        "1h 1m",
        "not sticky",
    ):
        assert text in elements.text, text


def test_it_needs_nothing_from_elsewhere_and_runs_no_script():
    elements = Elements(page(STATUS))
    assert {tag for tag, _ in elements.tags}.isdisjoint({"script", "link", "img", "iframe", "form", "object"})
    for _, attributes in elements.tags:
        assert not any(name.startswith("on") or name in ("src", "href", "style") for name in attributes)
    assert ("meta", {"http-equiv": "refresh", "content": "5"}) in elements.tags


def test_the_policy_allows_the_style_sheet_and_nothing_else():
    style = re.search("<style>(.*)</style>", page(STATUS), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert "script-src" not in CONTENT_SECURITY_POLICY


def test_what_labels_say_stays_text():
    snapshot = Snapshot(
        services=(
            Service(name=HOSTILE, backends=(Backend(id="1", name=HOSTILE, host=HOSTILE, port=1, node=HOSTILE),)),
        ),
        routes=(),
        source=HOSTILE,
        warnings=(Warning(service=HOSTILE, label=HOSTILE, value=HOSTILE, text=HOSTILE),),
    )
    elements = Elements(page(msgspec.structs.replace(STATUS, snapshot=snapshot, error=HOSTILE)))
    assert "script" not in {tag for tag, _ in elements.tags}
    assert elements.text.count(HOSTILE) == 10


def test_trouble_is_at_the_top():
    text = Elements(
        page(msgspec.structs.replace(STATUS, ready=False, age=None, error="Docker is away", snapshot=None))
    ).text
    assert "stays in force: Docker is away" in text
    assert "Not ready" in text
    assert "never confirmed" in text
