from __future__ import annotations

import json

from faststicky.model import Backend, CookiePolicy, Matcher, Route, Service, Snapshot, Warning
from faststicky.serve import status as views
from faststicky.serve.status import Status, WorkerStatus, summed

SNAPSHOT = Snapshot(
    services=(
        Service(
            name="web",
            backends=(
                Backend(
                    id="t1", name="web.1@n1", host="10.0.0.5", port=80, slot="s/1", foreign=("http://10.0.0.5:80",)
                ),
                Backend(id="t2", name="web.2@n2", host="10.0.0.6", port=80, state="draining"),
            ),
            cookie=CookiePolicy(name="_c"),
        ),
        Service(name="plain", backends=()),
    ),
    routes=(
        Route(
            name="r",
            rule="PathPrefix(`/`)",
            service="web",
            priority=15,
            alternatives=((Matcher("path_prefix", ("/",)),),),
        ),
    ),
    source="flags",
    cluster_id="the-cluster-id",
    warnings=(Warning(service="web", label="l", value="v", text="mend it"),),
)


def worker(index: int, **counters: int) -> WorkerStatus:
    return WorkerStatus(
        index=index, pid=100 + index, uptime=1.23456, ready=True, generation=3, counters=counters, live={"clients": 2}
    )


def make(**changes: object) -> Status:
    fields = {
        "version": "1.0",
        "uptime": 60.0,
        "listen": ("127.0.0.1:80",),
        "ready": True,
        "generation": 3,
        "age": 0.5,
        "error": "",
        "snapshot": SNAPSHOT,
        "workers": (worker(0, requests=2), worker(1, requests=3, connections=1)),
        "restarts": 1,
        "past_counters": {"requests": 10},
    }
    return Status(**{**fields, **changes})


def test_totals_count_the_workers_that_are_gone():
    assert make().totals() == {"requests": 15, "connections": 1}
    assert make().live() == {"clients": 4}
    assert summed([]) == {}


def test_the_table_tells_what_it_routes_but_no_key_and_no_cookie_value():
    table = views.table(make())
    assert [service["name"] for service in table["services"]] == ["web", "plain"]
    first = table["services"][0]
    assert (first["sticky"], first["cookie"]["name"]) == (True, "_c")
    assert [backend["state"] for backend in first["backends"]] == ["up", "draining"]
    assert table["services"][1]["cookie"] is None
    assert table["routes"] == [{"name": "r", "rule": "PathPrefix(`/`)", "service": "web", "priority": 15}]
    assert table["warnings"] == [{"service": "web", "label": "l", "value": "v", "text": "mend it"}]
    text = json.dumps([table, views.stats(make()), views.readiness(make())])
    assert "the-cluster-id" not in text
    assert "http://10.0.0.5:80" not in text


def test_before_the_first_table():
    table = views.table(make(snapshot=None, age=None, generation=0, ready=False))
    assert (table["services"], table["routes"], table["age"], table["ready"]) == ([], [], None, False)


def test_readiness_says_why():
    ready = views.readiness(make(ready=False, age=12.34567, error="Docker is away"))
    assert (ready["ready"], ready["age"], ready["error"], ready["generation"]) == (False, 12.346, "Docker is away", 3)
    assert ready["workers"][1] == {"index": 1, "ready": True, "generation": 3}


def test_stats():
    stats = views.stats(make())
    assert stats["total"] == {"counters": {"requests": 15, "connections": 1}, "live": {"clients": 4}}
    assert stats["workers"][0]["uptime"] == 1.235
    assert (stats["workers"][1]["pid"], stats["workers"][1]["counters"]["requests"]) == (101, 3)
