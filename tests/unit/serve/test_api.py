from __future__ import annotations

import asyncio
import socket

import orjson
import pytest

from faststicky.serve import api
from faststicky.serve.api import named
from unit.control.worlds import backend, service, snapshot
from unit.serve.watched import WORLD, with_admin

TOKEN = "a-secret-of-many-characters"


def test_health_and_readiness():
    async def act(admin, client) -> None:
        assert await (await client.get("/ping")).text() == "OK"
        assert (await (await client.get("/health")).json())["status"] == "OK"
        assert (await (await client.get("/ready")).json())["ready"] is True
        admin.set(ready=False, error="away")
        response = await client.get("/ready")
        assert (response.status, (await response.json())["error"]) == (503, "away")
        assert (await client.get("/health")).status == 200

    with_admin(act)


@pytest.mark.parametrize(("age", "status"), [(4.9, 200), (5.1, 503), (None, 503)])
def test_a_table_that_is_too_old_is_not_ready(age, status):
    async def act(admin, client) -> None:
        admin.set(age=age)
        response = await client.get("/ready")
        assert (response.status, (await response.json())["ready"]) == (status, status == 200)

    with_admin(act, ready_max_age=5.0)


def test_services_backends_routes_and_sessions():
    async def act(_admin, client) -> None:
        services = (await (await client.get("/api/services")).json())["services"]
        assert [one["name"] for one in services] == ["web", "api"]
        assert services[0]["cookie"]["name"] == "_a49bc"
        assert services[1]["cookie"] is None
        backends = (await (await client.get("/api/backends")).json())["backends"]
        assert [(one["service"], one["name"], one["state"]) for one in backends] == [
            ("web", "web.t1@node1", "up"),
            ("web", "web.2@node2", "draining"),
            ("api", "api.1@node1", "down"),
        ]
        assert backends[0]["why"] == ""
        assert "stopped" in backends[1]["why"]
        assert "health" in backends[2]["why"]
        routes = (await (await client.get("/api/routes")).json())["routes"]
        assert [one["service"] for one in routes] == ["web", "api"]
        sessions = (await (await client.get("/api/sessions")).json())["services"]
        assert [one["service"] for one in sessions] == ["web"]

    with_admin(act)


def test_before_any_table():
    async def act(_admin, client) -> None:
        for path in ("services", "backends", "routes", "sessions", "table"):
            response = await client.get(f"/api/{path}")
            assert response.status == 200
        assert (await client.post("/api/backends/t1/drain")).status == 404

    import msgspec

    from unit.serve.watched import STATUS

    with_admin(act, status=msgspec.structs.replace(STATUS, snapshot=None, generation=0, age=None))


def test_workers_numbers_are_asked_for():
    async def act(admin, client) -> None:
        assert (await (await client.get("/api/stats")).json())["total"]["live"] == {"clients": 3}
        assert admin.refreshed == 1

    with_admin(act)


def test_events_after_one():
    async def act(admin, client) -> None:
        from faststicky.model import TableSpec

        admin.observer.numbered(TableSpec(generation=7, services=(), routes=()))
        admin.observer.numbered(TableSpec(generation=8, services=(), routes=()))
        while len(admin.observer.recent.events()) < 2:  # they are told a little later
            await asyncio.sleep(0.01)
        events = (await (await client.get("/api/events?after=1")).json())["events"]
        assert [(one["id"], one["text"]) for one in events] == [(2, "table 8 is in force")]
        assert (await client.get("/api/events?after=x")).status == 400

    with_admin(act)


def test_a_task_is_drained_and_taken_back():
    async def act(admin, client) -> None:
        response = await client.post("/api/backends/web.t1/drain")
        assert await response.json() == {"drained": True, "backends": ["web.t1@node1"], "kept": True}
        assert set(admin.drained) == {"t1"}
        shown = (await (await client.get("/api/backends")).json())["backends"][0]
        assert shown["drained"] is True
        response = await client.delete("/api/backends/t1/drain")
        assert await response.json() == {"drained": False, "backends": ["web.t1@node1"], "kept": True}
        assert admin.drained == {}
        response = await client.post("/api/backends/web.9/drain")
        assert (response.status, await response.json()) == (
            404,
            {"error": "no backend is called 'web.9'; /api/backends lists them"},
        )

    with_admin(act)


def test_a_full_disk_does_not_stop_the_draining(caplog):
    async def act(admin, client) -> None:
        admin.fails = True
        assert (await (await client.post("/api/backends/t1/drain")).json())["kept"] is False
        assert set(admin.drained) == {"t1"}

    with_admin(act)
    assert "--state-dir" in caplog.records[0].getMessage()


def test_with_a_token_only_who_bears_it():
    async def act(admin, client) -> None:
        response = await client.post("/api/backends/t1/drain")
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, 'Bearer realm="faststicky"')
        assert admin.drained == {}
        response = await client.post("/api/backends/t1/drain", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status == 200
        assert (await client.get("/api/backends")).status == 200  # reading needs none

    with_admin(act, token=TOKEN)


def test_live_events():
    async def act(admin, client) -> None:
        async def next_event(response):
            kind = (await response.content.readline()).decode().strip()
            data = await response.content.readline()
            await response.content.readline()
            return kind.removeprefix("event: "), orjson.loads(data.removeprefix(b"data: "))

        response = await client.get("/api/live")
        assert response.content_type == "text/event-stream"
        first = [await next_event(response) for _ in range(3)]
        assert [kind for kind, _ in first] == ["state", "history", "numbers"]
        assert [one["name"] for one in first[0][1]["services"]] == ["web", "api"]
        assert set(first[2][1]["services"]["web"]["backends"]) == {"t1", "t2"}
        admin.serve(snapshot(service(backend("t9"))))
        admin.observer.tell_state()
        kind, state = await next_event(response)
        assert (kind, state["services"][0]["backends"][0]["id"]) == ("state", "t9")
        admin.observer.tell_state()  # nothing new
        admin.observer.recent.on_event({"text": "hello"})
        assert await next_event(response) == ("event", {"text": "hello"})
        admin.observer.feed.close()
        assert await response.content.read() == b""
        assert (await client.get("/api/live")).status == 503
        head = await client.head("/api/live")
        assert head.content_type == "text/event-stream"

    with_admin(act)


def test_a_listener_that_goes_is_forgotten():
    async def act(admin, client) -> None:
        response = await client.get("/api/live")
        await response.content.readline()
        assert admin.observer.feed.is_watched
        response.close()
        while admin.observer.feed.is_watched:
            admin.observer.feed.send("numbers", "x" * 1000)
            await asyncio.sleep(0.01)

    with_admin(act)


def test_a_listener_that_does_not_read_is_let_go_and_its_connection_closed(monkeypatch):
    monkeypatch.setattr(api, "SLOW_READER", 0.2)

    async def act(admin, client) -> None:
        host, port = client.server.host, client.server.port
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, port))
        slow.sendall(b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        while not admin.observer.feed.is_watched:
            await asyncio.sleep(0.01)
        while admin.observer.feed.is_watched:
            admin.observer.feed.send("numbers", "x" * 1_000_000)
            await asyncio.sleep(0.01)
        while client.server.handler.connections:  # what it has not read goes, too, although it stays
            await asyncio.sleep(0.01)
        slow.close()

    with_admin(act)


def test_names():
    assert named(WORLD, "t1") == {"t1": "web.t1@node1"}
    assert named(WORLD, "web.2@node2") == {"t2": "web.2@node2"}
    assert named(WORLD, "web.2") == {"t2": "web.2@node2"}
    assert named(WORLD, "web") == {}
